"""Django's own views, unchanged, and a few of the shop's."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from devsess.django.old_tokens import authtoken, exchange_view, knox, simplejwt
from shop import account_views, views
from shop.composed_view import Composed

urlpatterns = [
    path("", views.home, name="home"),
    path("admin/", admin.site.urls),
    path("accounts/", include("django.contrib.auth.urls")),
    path("plain/", views.plain),
    path("mine/", views.mine),
    path("pay/", views.Pay.as_view()),
    path("recent/", views.recent),
    path("both/", views.both),
    path("in-and-required/", views.in_and_required),
    path("async/recent/", views.async_recent),
    path("cart/<item>/", views.add),
    path("cart/", views.cart),
    path("exempt/", csrf_exempt(views.plain)),
    path("async/", views.async_home),
    path("async/sign-in/", views.async_sign_in),
    path("async/sign-out/", views.async_sign_out),
    path("token/", views.token),
    path("by-hand/", views.by_hand),
    path("password/", views.set_password),
    path("api/me/", views.Me.as_view()),
    path("reset/", views.reset),
    path("switch/", views.switch),
    path("accounts-switch/<int:slot>/", views.switch_account),
    path("accounts-flush/", views.flush),
    path("acts/", account_views.acts),
    path("acts/streamed/", account_views.streamed),
    path("async/acts/", account_views.async_acts),
    path("api/two/", views.Two.as_view()),
    path("api/recent/", views.Recent.as_view()),
    path("api/either/", views.Either.as_view()),
    path("api/composed/", Composed.as_view()),
    path("exchange/simplejwt/", exchange_view(simplejwt)),
    path("exchange/knox/", exchange_view(knox)),
    path("exchange/authtoken/", exchange_view(authtoken)),
]
