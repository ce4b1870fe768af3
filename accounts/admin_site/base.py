"""Base classes of the admin: estimated counts, audited changes, read-only rows, the front page.

Operators work inside `system()` (see `accounts.middleware`). Each app's `admin` registers its
models with `AuditedAdmin` or `ReadOnlyAdmin`; its `ready()` adds to the registries below what the
front page and a business's page show of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import BinaryField, Field, Model, QuerySet
from django.db.utils import IntegrityError
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from unfold.admin import ModelAdmin, TabularInline

from accounts.admin_site import columns
from accounts.admin_site.amounts import AmountsMixin
from accounts.audit import record
from accounts.models import Business
from core.registry import Registry

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Lists are counted exactly up to here; beyond, the planner's estimate is used.
EXACT_UP_TO = 10_000
# So many ids are named in an entry of the audit log; all are counted.
NAMED = 1000
# What people wrote or were sent, by the name of its column: *Open the text* shows it.
BODIES = frozenset(
    {"text", "content", "variables", "last_message_text", "prefilled_message", "buyer_note"}
)
# What lets its holder log in, pay or read, and copies of data that no page of the admin needs.
SECRETS = frozenset(
    {
        *("token", "session_key", "session_hash", "next_url", "html", "tracker", "data"),
        *("preview", "answers", "refused", "get_data", "post_data", "sample"),
    }
)
# Conditions that a filter of a list may add to the name of its column.
CONDITIONS = ("", "__exact", "__id__exact", "__code__exact", "__isnull", "__in", "__gte", "__lt")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the front page: title, value, address, note; `is_urgent` shows it in red."""

    title: StrOrPromise
    value: str
    url: str = ""
    note: StrOrPromise = ""
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class BusinessLink:
    """A link from a business's page to an admin list that `parameter` filters by business."""

    title: StrOrPromise
    url_name: str
    parameter: str


Items = Callable[[], list[Item]]
front_page_attention: Registry[Items] = Registry(
    "accounts.admin_site.front_page_attention",
    "Functions that return what needs an operator's attention on the admin's front page.",
)
front_page_figures: Registry[Items] = Registry(
    "accounts.admin_site.front_page_figures",
    "Functions that return the figures of the running month on the admin's front page.",
)
business_figures: Registry[Callable[[Business], list[Item]]] = Registry(
    "accounts.admin_site.business_figures",
    "Functions that return the figures shown above a business's page in the admin.",
)
business_links: Registry[BusinessLink] = Registry(
    "accounts.admin_site.business_links",
    "Links from a business's page in the admin to its rows in other lists.",
    key=lambda link: link.url_name,
)


def given_up(
    title: StrOrPromise, rows: QuerySet[Any], query: str, note: StrOrPromise, *, is_urgent: bool
) -> Item:
    """A line with the number of `rows` that failed for good and a link to their list.

    Counts up to 10,000; `query` filters the list. Urgent only where there are such rows.
    """
    count = rows[: EXACT_UP_TO + 1].count()
    shown = f"{EXACT_UP_TO:,}+" if count > EXACT_UP_TO else f"{count:,}"
    url = reverse(f"admin:{rows.model._meta.app_label}_{rows.model._meta.model_name}_changelist")
    return Item(title, shown, f"{url}?{query}", note, is_urgent and count > 0)


def front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds what needs attention and the figures of the month."""
    context["attention"] = [item for items in front_page_attention for item in items()]
    context["figures"] = [item for items in front_page_figures for item in items()]
    return context


class EstimatedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts exactly up to 10,000 rows and uses the planner's estimate beyond.

    A count(*) over a big table takes seconds.
    """

    @cached_property
    def count(self) -> int:
        """The number of rows, estimated where there are more than 10,000."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        known = rows.order_by()[: EXACT_UP_TO + 1].count()
        return known if known <= EXACT_UP_TO else max(known, _estimate(rows))


def _estimate(rows: QuerySet[Any]) -> int:
    if not rows.query.where:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                [rows.model._meta.db_table],
            )
            return int(cursor.fetchone()[0])
    plan = rows.order_by().explain(format="json")
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"])


class AuditedAdmin(AmountsMixin, ModelAdmin):
    """Base of admin pages; writes every change to the audit log."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50
    warn_unsaved_form = True
    compressed_fields = True
    # Columns that no page shows and no audit entry contains.
    hidden: ClassVar[tuple[str, ...]] = ()
    # Columns about customers, whose values the audit log does not repeat; rows are named by id.
    personal: ClassVar[tuple[str, ...]] = ()
    # Name of a button of a row's page -> whether it applies to the row; others always do.
    applies: ClassVar[dict[str, Callable[[Any], bool]]] = {}

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """The buttons of a row's page: those that are allowed and apply to it."""
        found = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id)) if self.applies else None
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        return [
            one
            for one in found
            if row is None
            or self.applies.get(one.action_name.removeprefix(prefix), lambda _row: True)(row)
        ]

    def get_exclude(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """The columns that forms leave out: encrypted text, raw bytes, and `hidden`."""
        return [*(super().get_exclude(request, obj) or []), *hidden_of(self.model, self.hidden)]

    def get_list_display(self, request: HttpRequest) -> Any:
        """The columns of the list; amounts with their currency, JSON as a table."""
        return columns.shown(self.model, super().get_list_display(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What cannot be edited; amounts with their currency, JSON as a table."""
        return columns.shown(self.model, super().get_readonly_fields(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The fieldsets, with the columns that cannot be edited as they are shown."""
        found = super().get_fieldsets(request, obj)
        if not self.has_change_permission(request, obj) and obj is not None:
            fixed = None
        else:
            fixed = {
                getattr(one, "__name__", one): one for one in self.get_readonly_fields(request, obj)
            }
        return [
            (title, {**options, "fields": _as_shown(self.model, options["fields"], fixed)})
            for title, options in found
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether the address of a list may ask for this: its filters' columns, and the business.

        Django allows every column of the row, also by its first letters.
        """
        named = [one[0] if isinstance(one, tuple) else one for one in self.list_filter]
        columns = {*(one for one in named if isinstance(one, str)), "business", "business_id"}
        # Filters that are classes have a parameter of their own.
        columns |= {getattr(one, "parameter_name", "") for one in named}
        return lookup in {column + condition for column in columns for condition in CONDITIONS}

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The page; an IntegrityError becomes a message on it, and nothing is saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError as error:
            found = getattr(error.__cause__, "diag", None)
            messages.error(request, (found and found.message_primary) or str(error))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Save, and record the changed fields in the same transaction."""
        super().save_model(request, obj, form, change)
        changed = [
            name for name in form.changed_data if name not in hidden_of(self.model, self.hidden)
        ]
        record.record(
            action=f"{self.model._meta.model_name}.{'changed' if change else 'added'}",
            subject=self._subject(obj),
            business=business_of(obj),
            before={
                name: form.initial.get(name)
                for name in changed
                if change and name not in self.personal
            },
            after={
                name: "changed" if name in self.personal else form.cleaned_data.get(name)
                for name in changed
                if "password" not in name
            },
        )

    def _subject(self, obj: Model) -> object:
        return f"{self.opts.verbose_name} {obj.pk}" if self.personal else obj

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the rows of an inline, and record each change."""
        super().save_formset(request, form, formset, change)
        for obj in formset.new_objects:
            self._record_row(obj, "added", {})
        for obj, names in formset.changed_objects:
            self._record_row(obj, "changed", {name: str(getattr(obj, name, "")) for name in names})
        for obj in formset.deleted_objects:
            self._record_row(obj, "deleted", {})

    def _record_row(self, obj: Model, verb: str, after: dict[str, Any]) -> None:
        action = f"{obj._meta.model_name}.{verb}"
        record.record(action=action, subject=obj, business=business_of(obj), after=after)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete, and record it in the same transaction."""
        record.record(
            action=f"{self.model._meta.model_name}.deleted",
            subject=self._subject(obj),
            business=business_of(obj),
        )
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete the selected rows one by one, each recorded."""
        for obj in queryset:
            self.delete_model(request, obj)


def _as_shown(model: type[Model], names: Any, fixed: dict[Any, Any] | None) -> list[Any]:
    """Names of a fieldset, nested ones too; those of `fixed` (None: all) as they are shown."""
    found: list[Any] = []
    for name in names:
        if isinstance(name, list | tuple):
            found.append(tuple(_as_shown(model, name, fixed)))
        elif fixed is None:
            found += columns.shown(model, [name])
        else:
            found.append(fixed.get(name, name))
    return found


class ReadOnlyAdmin(AuditedAdmin):
    """Base of pages whose rows operators may only read."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows cannot be added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows cannot be edited here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows cannot be deleted here."""
        return False

    def get_actions(self, request: HttpRequest) -> Any:
        """Actions without Django's delete."""
        return {
            name: action
            for name, action in super().get_actions(request).items()
            if name != "delete_selected"
        }


class EditableInline(AmountsMixin, TabularInline):
    """Base of inlines: rows of another model on a page."""

    extra = 0
    show_change_link = True


class ReadOnlyInline(EditableInline):
    """Base of inlines whose rows can only be read."""

    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """All columns of the inline."""
        return columns.shown(self.model, self.fields or super().get_readonly_fields(request, obj))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The columns; amounts with their currency, JSON as a table."""
        return columns.shown(self.model, super().get_fields(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows cannot be added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows cannot be edited here."""
        return False


def hidden_of(model: type[Model], named: tuple[str, ...] = ()) -> list[str]:
    """Names of columns that no page may show: encrypted text, bytes, bodies, secrets, `named`."""
    found = [
        field.name
        for field in model._meta.get_fields()
        if isinstance(field, Field) and is_hidden(field)
    ]
    return list(dict.fromkeys([*found, *named]))


def is_hidden(field: Field[Any, Any]) -> bool:
    """Whether a column is encrypted, bytes, a body or a secret."""
    return (
        isinstance(field, BinaryField)
        or type(field).__name__ == "EncryptedTextField"
        or field.name in BODIES
        or field.name in SECRETS
    )


def business_of(obj: Model) -> int | None:
    """Id of the business that a row belongs to; None for rows of the platform."""
    return obj.pk if isinstance(obj, Business) else getattr(obj, "business_id", None)


def links_of(business: Business) -> str:
    """HTML of the links from a business's page to its rows in other lists."""
    targets = (
        (f"{reverse(f'admin:{link.url_name}')}?{link.parameter}={business.pk}", link.title)
        for link in business_links
    )
    return format_html_join(
        " · ", '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', targets
    )
