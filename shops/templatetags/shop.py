"""Pictures as pages show them."""

from django import template

from shops.catalog import pictures
from shops.models import Picture

register = template.Library()


@register.simple_tag
def picture_url(slug: str, picture: Picture, edge: int) -> str:
    """The address of a picture in one of its sizes; empty while it is still to be fetched."""
    return pictures.path_of(slug, picture, edge)
