"""Addresses of a resident's own account."""

from django.urls import path

from tanpuhui.web.resident import statements, views

app_name = "resident"
urlpatterns = [
    path("", views.home, name="home"),
    path("statements/", statements.page, name="statements"),
    path("statements/<int:grant>/code/", statements.code, name="statement_code"),
    path("statements/<int:grant>/end/", statements.end, name="statement_end"),
]
