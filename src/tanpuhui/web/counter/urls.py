"""Addresses of a counter; the operator's code is in each, and a visit in what concerns one person."""

from django.urls import path

from tanpuhui.web.counter import views

app_name = "counter"
urlpatterns = [
    path("<slug:organisation>/", views.home, name="home"),
    path("<slug:organisation>/open/", views.open_account, name="open"),
    path("<slug:organisation>/visits/<uuid:visit>/", views.visit, name="visit"),
    path("<slug:organisation>/visits/<uuid:visit>/sources/<slug:provider>/", views.source, name="source"),
    path("<slug:organisation>/visits/<uuid:visit>/sources/<slug:provider>/paper/", views.paper, name="paper"),
    path("<slug:organisation>/visits/<uuid:visit>/statement.pdf", views.statement, name="statement"),
    path("<slug:organisation>/visits/<uuid:visit>/letter.pdf", views.letter, name="letter"),
    path("<slug:organisation>/visits/<uuid:visit>/end/", views.end, name="end"),
]
