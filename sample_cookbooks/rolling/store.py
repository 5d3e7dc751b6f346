"""The store: a service that the shop asks."""

from services import service

service("store")
