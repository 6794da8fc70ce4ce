"""Addresses of no audience."""

from django.urls import path

from tanpuhui.web.shared import formula, homes, language, members, metrics, views

urlpatterns = [
    path("metrics", metrics.metrics, name="metrics"),
    path("healthz", views.healthz, name="healthz"),
    path("language/", language.choose, name="choose_language"),
    path("home/", homes.home_of_user, name="home_of_user"),
    path("formula/<path:key>/<slug:step>/<slug:language>-<slug:digest>.svg", formula.formula, name="formula"),
    path("invitations/<slug:secret>/", members.invitation, name="invitation"),
]
