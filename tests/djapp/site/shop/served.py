"""The project, for servers."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import path

from devsess.django.channels import SessionMiddleware

wsgi = get_wsgi_application()


class Who(AsyncWebsocketConsumer):
    """Says who is there, each time it is asked."""

    async def receive(self, **_: Any) -> None:
        """A question."""
        await self.send(text_data=str(self.scope["user"]))


asgi = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": SessionMiddleware(URLRouter([path("who/", Who.as_asgi())]), every=0.1),
    }
)
