"""Template tags for pictures."""

from django import template

from shops.catalog import pictures
from shops.models import Picture

register = template.Library()


@register.simple_tag
def picture_url(slug: str, picture: Picture, edge: int) -> str:
    """URL of a picture in one size; empty while it is not fetched."""
    return pictures.size_url(slug, picture, edge)
