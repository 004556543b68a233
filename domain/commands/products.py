"""What can be done with a product."""

from uuid import UUID, uuid5

from domain.base.stream import Act
from domain.commands.book import Book, command
from domain.product.product import Offer, Product, VersionPublished


def product_id(book: Book, code: str, version: int) -> UUID:
    """The stream of a product version."""
    return uuid5(book.namespace, f"product:{code}:{version}")


@command
def publish(book: Book, act: Act, *, offer: Offer) -> Product:
    """Publish a product version; the same version with the same parts is published once.

    Raises:
        VersionPublished: it is published with other parts.
    """
    stream_id = product_id(book, offer.code, offer.version)
    known = book.find(Product, stream_id)
    if known is not None and known.offer != offer:
        raise VersionPublished(
            f"Version {offer.version} of {offer.code} is published with other parts;"
            f" publish the change as a new version."
        )
    return known or Product.publish(act, stream_id, offer)
