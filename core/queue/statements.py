"""The SQL of each queue: templates of `core/queue/sql`, filled in with what the queue declares."""

from collections.abc import Mapping
from functools import cache

from django.db import connection
from django.db.models import Q
from django.db.models.sql import Query

from core.queue.declaration import InSlices, InThreads, Queue
from core.sql import statement

# Due: its time has come, and nobody has it. A lease ends at its time, or with the database session
# of who took it.
IS_DUE = """not_before <= statement_timestamp()
    AND (leased_until IS NULL OR leased_until <= statement_timestamp()
             OR leased_by <> ALL (ARRAY(SELECT pid FROM pg_stat_activity)))"""


@cache
def claim(queue: Queue, *, alone: bool) -> str:
    """The statement that claims rows.

    One that was tried before (`alone`), or those that were not.
    """
    return _text("claim").format(
        **_names(queue),
        selection=selection(queue),
        wanted=_wanted(queue, alone=alone),
        session="NULL" if queue.at_most_once else "pg_backend_pid()",
        on_claim=_set(queue.at_most_once.on_claim if queue.at_most_once else {}),
        is_due=IS_DUE,
    )


@cache
def selection(queue: Queue) -> str:
    """The SELECT of rows that may be claimed now, in the order in which owners are served."""
    if queue.selection is not None:
        return queue.selection.sql
    return _text("fair").format(
        **_names(queue),
        **_urgency(queue),
        **_weighed(queue),
        ready=queue.ready,
        in_order=_in_order(queue),
        is_due=IS_DUE,
    )


@cache
def lock(queue: Queue) -> str:
    """The statement that locks claimed rows as long as they are this worker's."""
    held = queue.at_most_once.claimed if queue.at_most_once else queue.is_open
    names = _names(queue)
    return _text("lock").format(**names, is_held=condition(queue, Q(dead_at=None) & held))


@cache
def put_back(queue: Queue) -> str:
    """The statement that lets locked rows wait again."""
    released = queue.at_most_once.on_release if queue.at_most_once else {}
    return _text("put_back").format(**_names(queue), on_release=_set(released))


@cache
def give_up(queue: Queue) -> str:
    """The statement that makes locked rows dead letters."""
    return _text("give_up").format(**_names(queue), on_death=_set(queue.on_death))


@cache
def end(queue: Queue) -> str:
    """The statement that ends locked rows which are done."""
    values = {"leased_until": "NULL", "leased_by": "NULL", "last_error": "''"} | dict(
        queue.done or {}
    )
    verb = (
        f"DELETE FROM {queue.table} q USING"
        if queue.done is None
        else f"UPDATE {queue.table} q SET {_pairs(values)} FROM"
    )
    return f"""{verb} unnest(%(keys)s::bigint[], %(owners)s::bigint[]) AS mine (key, owner)
                WHERE q.{queue.key} = ANY (%(keys)s::bigint[]) AND q.{queue.key} = mine.key
                  AND {queue.owner} = mine.owner AND q.leased_until IS NOT NULL"""


@cache
def renew(queue: Queue) -> str:
    """The statement that prolongs a lease after progress; it gives a new fencing token."""
    return _text("renew").format(**_names(queue))


@cache
def rerun(queue: Queue) -> str:
    """The statement that opens dead letters again."""
    values = {
        "attempts": "0", "not_before": "statement_timestamp()",
        "dead_at": "NULL", "last_error": "''",
        "leased_until": "NULL", "leased_by": "NULL",
    } | dict(queue.on_rerun)  # fmt: skip
    return f"""UPDATE {queue.table} q SET {_pairs(values)}
                WHERE q.{queue.key} = ANY (%(keys)s) AND {condition(queue, queue.is_dead)}"""


@cache
def lose(queue: Queue) -> str:
    """The statement that sets locked rows aside whose result is unknown."""
    return f"""UPDATE {queue.table} q SET {_lost(queue, "mine.reason")}
                 FROM unnest(%(keys)s::bigint[], %(owners)s::bigint[], %(reasons)s::text[])
                      AS mine (key, owner, reason)
                WHERE q.{queue.key} = ANY (%(keys)s::bigint[]) AND q.{queue.key} = mine.key
                  AND {queue.owner} = mine.owner AND q.leased_until IS NOT NULL"""


@cache
def lose_late(queue: Queue) -> str:
    """The statement that sets rows aside whose lease ended without a word of their worker."""
    claimed = condition(queue, queue.at_most_once.claimed if queue.at_most_once else queue.is_open)
    return f"""UPDATE {queue.table} q SET {_lost(queue, "%(reason)s")}
                WHERE {claimed} AND q.leased_until <= statement_timestamp()"""


def _lost(queue: Queue, reason: str) -> str:
    assert queue.at_most_once is not None, "of a queue that works at most once"
    return _pairs({"leased_until": "NULL", "last_error": reason} | dict(queue.at_most_once.on_loss))


@cache
def figures(queue: Queue, number: int) -> str:
    """The SELECT of a queue's age and counts.

    `number` tells its parameters from those of other queues.
    """
    return _text("figures").format(
        **_names(queue), is_due=IS_DUE, ready=queue.ready, counts=queue.counts,
        since=queue.due_since, n=number,
        is_dead=condition(queue, queue.is_dead),
    )  # fmt: skip


def condition(queue: Queue, what: Q) -> str:
    """A condition on the queue's rows as SQL, without the table's name.

    As Django writes it for partial indexes.
    """
    query = Query(queue.model, alias_cols=False)
    where = query.build_where(what)
    sql, params = where.as_sql(query.get_compiler(connection=connection), connection)
    editor = connection.schema_editor(collect_sql=True)
    return f"({sql % tuple(editor.quote_value(value) for value in params)})".replace("%", "%%")


def _names(queue: Queue) -> dict[str, str]:
    is_open = condition(queue, Q(dead_at=None) & queue.is_open)
    return {"table": queue.table, "key": queue.key, "owner": queue.owner, "is_open": is_open}


def _wanted(queue: Queue, *, alone: bool) -> str:
    if isinstance(queue.work, InSlices):
        return "true"
    # A failed request is no reason to hold back others; that its worker vanished with it, again, is
    # one.
    suspect = "(attempts > 1 AND was_lost)" if isinstance(queue.work, InThreads) else "attempts > 0"
    return f"{suspect} ORDER BY place, key LIMIT 1" if alone else f"NOT {suspect}"


def _weighed(queue: Queue) -> dict[str, str]:
    """Parts of the selection by which each owner has a share of what one claim may weigh."""
    if not queue.weight:
        return {"weigh": "", "weight": "", "within_weight": ""}
    return {
        "weigh": """SELECT w.* FROM (
            SELECT l.*, sum(l.weight) OVER (ORDER BY l.not_before, l.key) - l.weight AS before
              FROM (""",
        "weight": f", q.not_before, {queue.weight} AS weight",
        "within_weight": f""") l) w
             WHERE w.before < {queue.most_weight} / (SELECT greatest(1, count(*)) FROM turn)""",
    }


def _urgency(queue: Queue) -> dict[str, str]:
    """Parts of the selection by which urgent rows go before all others."""
    if not queue.urgent:
        return dict.fromkeys(("turn_order", "is_urgent", "urgent", "urgent_first"), "")
    return {
        "turn_order": "ORDER BY is_urgent DESC, owner <= %(after)s, owner",
        "is_urgent": ", due.is_urgent",
        "urgent": f"({queue.urgent}) AS is_urgent",
        "urgent_first": f"({queue.urgent}) DESC, ",
    }


def _in_order(queue: Queue) -> str:
    if not queue.order_by:
        return ""
    same = " AND ".join(f"e.{column} = q.{column}" for column in queue.order_by)
    is_open = condition(queue, Q(dead_at=None) & queue.is_open)
    earlier = f"{same} AND e.{queue.key} < q.{queue.key} AND {is_open}"
    return f"\n               AND NOT EXISTS (SELECT FROM {queue.table} e WHERE {earlier})"


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{column} = {value}" for column, value in values.items())


def _set(values: Mapping[str, str]) -> str:
    return f", {_pairs(values)}" if values else ""


def _text(name: str) -> str:
    return statement("core/queue", name)
