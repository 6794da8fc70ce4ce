"""Addresses of a demonstration; included only where one is served."""

from django.urls import path

from tanpuhui.web.sign_in import demo

urlpatterns = [path("sign-in/<slug:role>", demo.sign_in, name="demo_sign_in")]
