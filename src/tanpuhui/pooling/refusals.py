"""What pooling says no to, and what to do then."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class KeyReused(Refusal):
    code = "pooling.key_reused"
    message = "The key {key} was used before for other content. Give new content a new key."


class UnknownPool(Refusal):
    code = "pooling.unknown_pool"
    message = "There is no pool {pool!r}. 'tanpuhui pool list' lists them."
    on_page = "There is no pool {pool!r}. Choose one from the list of pools."


class NoPoolKind(Refusal):
    code = "pooling.not_a_company"
    message = "{code} is registered as {kind}, and only a company can hold tonnes. Register the pool as one."


class PoolNotNamed(Refusal):
    code = "pooling.not_named"
    message = (
        "Nobody can agree to the pool {pool}: the consent policy does not name it as a recipient of the purpose "
        "{purpose!r}. Name it there (TANPUHUI_HOME/consent.toml) with its contact, then repeat."
    )


class OtherPool(Refusal):
    code = "pooling.other_pool"
    message = "{pool} was opened with other terms, and a pool's terms stay. Open another pool."


class OtherCurrency(Refusal):
    code = "pooling.other_currency"
    message = "The pool pays in {currency}, and points of {sponsor} are worth {given}. Choose a sponsor in {currency}."


class BadPays(Refusal):
    code = "pooling.bad_pays"
    message = (
        "{given!r} is nothing that a pool pays with. "
        "Choose money, or points with another organisation as sponsor."
    )


class BadTerms(Refusal):
    code = "pooling.bad_terms"
    message = (
        "A minimum price of {price_minor} for a tonne and the years {vintages} cannot be agreed to. "
        "Give 0 to {most} in whole minor units, and all years or one year or more from {first} to {last}."
    )


class NotInPool(Refusal):
    code = "pooling.not_in_pool"
    message = "This account is not in the pool {pool}. Join it first."


class AlreadyInPool(Refusal):
    code = "pooling.already_in_pool"
    message = "This account is in the pool {pool} already. Change the terms, or leave the pool."


class BadRound(Refusal):
    code = "pooling.bad_round"
    message = (
        "A round of {tonnes} t at {price_minor} a tonne cannot be opened. "
        "Give whole tonnes of 1 or more and a price of 1 minor unit or more, up to {most} in all."
    )


class OtherPlace(Refusal):
    code = "pooling.other_place"
    message = (
        "Lot {lot} was certified under {of_lot}, and the pool {pool} sells what was certified under {of_pool}. "
        "Choose another lot or another pool."
    )


class TooLittleLent(Refusal):
    code = "pooling.too_little_lent"
    message = (
        "{wanted_t} t of lot {lot} at {price_minor} a tonne were asked for. {residents} residents of the pool take "
        "that price and year, and have {available_mg} mg of it. Ask for fewer tonnes, or for a higher price."
    )


class UnknownRound(Refusal):
    code = "pooling.unknown_round"
    message = "There is no round {number}. 'tanpuhui pool rounds' lists them."
    on_page = "There is no round {number}. Choose one from the list of rounds."


class RoundClosed(Refusal):
    code = "pooling.round_closed"
    message = "Round {number} is closed, and nothing more of it is sold. Open a new one."


class NotForLess(Refusal):
    code = "pooling.not_for_less"
    message = (
        "{price_minor} a tonne is less than the {least_minor} that residents agreed to lend for. "
        "Ask for that much or more."
    )


class NotSoMuchLeft(Refusal):
    code = "pooling.not_so_much_left"
    message = (
        "{wanted_t} t of round {number} were asked for, and {left_t} t of it are free. "
        "Ask for 1 t or more, up to that, or take back what is listed."
    )


class PoolBuysNothing(Refusal):
    code = "pooling.pool_buys_nothing"
    message = "{buyer} operates this pool, or is of its group, and cannot buy from it. Name another company."


class UnknownSale(Refusal):
    code = "pooling.unknown_sale"
    message = "There is no sale {number}. 'tanpuhui pool show' lists the sales of a round."
    on_page = "There is no sale {number}. Choose one of a round's sales."


class PaidOutBefore(Refusal):
    code = "pooling.paid_out_before"
    message = "Sale {number} was paid out on {day}. Each sale is paid out once; nothing more is due for it."


class PoolLacksMoney(Refusal):
    code = "pooling.pool_lacks_money"
    message = (
        "Sale {number} owes residents {wanted} {currency}, and {pool} has {available}. "
        "Let {pool} pay money in under {reference}, then pay out."
    )


class BuyerLacksMoney(Refusal):
    code = "pooling.buyer_lacks_money"
    message = (
        "{wanted} {currency} are due for these tonnes, and {buyer} has {available}. "
        "Let {buyer} pay money in under {reference}, then sell."
    )


class NoBuyer(Refusal):
    code = "pooling.no_buyer"
    message = "{buyer} is registered as {kind}, and only a company buys tonnes. Name a company."


class BadToken(Refusal):
    code = "pooling.bad_token"
    message = (
        "That is no payee token. Give the 8 to 64 letters, digits and hyphens that your bank gave you for it."
    )


class NoPayee(Refusal):
    code = "pooling.no_payee"
    message = "Nobody knows where to pay your money. Give your bank's payee token first."


class PayeeInUse(Refusal):
    code = "pooling.payee_in_use"
    message = (
        "{count} withdrawals are on their way to this payee. Wait until they are paid, or cancel them first."
    )


class NotSoMuchMoney(Refusal):
    code = "pooling.not_so_much_money"
    message = "You have {available} {currency}, and {wanted} were asked for. Ask for that much at most."


class UnknownWithdrawal(Refusal):
    code = "pooling.unknown_withdrawal"
    message = "There is no withdrawal {withdrawal!r}. Look at the list of yours."


class WithdrawalEnded(Refusal):
    code = "pooling.withdrawal_ended"
    message = "The withdrawal {withdrawal} is {outcome} since {day}. Ask for a new one."


class StillListed(Refusal):
    code = "pooling.still_listed"
    message = (
        "{tonnes} t of round {number} are on offer on the market. "
        "Withdraw the listing first, or wait until it ends."
    )
