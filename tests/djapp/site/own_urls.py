"""The shop's pages, and a few that write sessions and fail."""

import own_views as views
from django.urls import include, path

urlpatterns = [
    path("", include("shop.urls")),
    path("own/sign-in/", views.sign_in),
    path("own/sign-out/", views.sign_out),
    path("own/denied/", views.denied),
    path("own/step-up/", views.step_up),
]
