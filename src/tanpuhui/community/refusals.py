"""Refusals of community: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class BadGoal(Refusal):
    code = "community.bad_goal"
    message = "A goal is from {fewest_kg} to {most_kg} kg a month. Choose a number in between."


class MonthOver(Refusal):
    code = "community.month_over"
    message = "A goal is set for the month that runs. Set one for this month."


class BadGroupName(Refusal):
    code = "community.bad_group_name"
    message = "A group's name has 1 to {most} letters, digits or spaces. Choose such a name."


class BadCode(Refusal):
    code = "community.bad_code"
    message = "No group can be joined with this code. Ask whoever invited you for the present one."


class TooManyGroups(Refusal):
    code = "community.too_many_groups"
    message = "One account is in {most} groups at most. Leave one first."


class GroupFull(Refusal):
    code = "community.group_full"
    message = "This group has {most} members, and no more fit in. Found another one."


class NotInGroup(Refusal):
    code = "community.unknown_group"
    message = "You are in no such group. Look at the list of your groups."


class UnknownChallenge(Refusal):
    code = "community.unknown_challenge"
    message = "There is no challenge {challenge}. Look at the list of challenges."


class ChallengeTaken(Refusal):
    code = "community.challenge_taken"
    message = "There is a challenge {challenge} already, and it differs. What was announced stays: choose another code."


class ChallengeOver(Refusal):
    code = "community.challenge_over"
    message = "This challenge ended on {ended_on}. Look for one that runs."


class BadChallenge(Refusal):
    code = "community.bad_challenge"
    message = "{field} is {given!r}. {next_step}"


class BadNickname(Refusal):
    code = "community.bad_nickname"
    message = "This cannot be a nickname: {why}. Choose another one."


class NicknameTaken(Refusal):
    code = "community.nickname_taken"
    message = "Somebody on the board has this nickname, or one that looks like it. Choose another one."


class NotOnTheBoard(Refusal):
    code = "community.not_on_the_board"
    message = "You are not on the board. Join it first."
