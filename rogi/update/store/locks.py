"""Locks on a store: taken before it is looked at, waited for, and with the sessions that are in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rogi.errors import OutputError
from rogi.update.vocabulary import APPLICATION

if TYPE_CHECKING:
    import psycopg

    from rogi.update.store.address import StoreAddress


@dataclass(frozen=True, slots=True)
class Hold:
    """Takes a lock, waits for it, and says who has it.

    Attributes
    ----------
    connection, address
        Of the store.
    wait_s
        How long others are waited for, in seconds.
    doing
        What is to be done again, for messages: "plan".
    waiting
        Told once whom it waits for.

    Raises
    ------
    OutputError
        When called, if others still have the lock after that time.
    """

    connection: psycopg.Connection[Any]
    address: StoreAddress
    wait_s: float
    doing: str
    waiting: Callable[[str], None] | None = None

    @property
    def advisory(self) -> int:
        """The lock of those who plan into this schema."""
        from psycopg import sql

        name = sql.Literal(f"{APPLICATION} {self.address.schema}")
        query = sql.SQL("SELECT hashtextextended({}, 0)").format(name)
        (lock,) = self.connection.execute(query).fetchone() or (0,)
        return int(lock)

    def __call__(self, statement: Any) -> None:
        import psycopg

        try:
            # First without waiting, so that somebody at a terminal learns whom rogi waits for.
            self._take(statement, 0.001)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            holders = self._holders()
            if self.waiting is not None:
                self.waiting(f"waiting for {holders}")
            try:
                self._take(statement, self.wait_s)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                raise OutputError(
                    f"The store {self.address} is in use, and was still after {self.wait_s:g} s: by "
                    f"{self._holders() or holders}. Nothing was changed; ask them to save or discard what "
                    f"they have open, and {self.doing} again."
                ) from None

    def _take(self, statement: Any, wait_s: float) -> None:
        with self.connection.transaction():
            self.connection.execute(
                "SELECT set_config('lock_timeout', %s, true)", (f"{max(1, round(wait_s * 1000))}ms",)
            )
            self.connection.execute(statement)

    def _holders(self) -> str:
        """Sessions that hold the plan's lock, or any on the tables: ``anna (QGIS, session 4711)``."""
        rows = self.connection.execute(
            "SELECT DISTINCT a.usename, a.application_name, l.pid, a.state, a.xact_start,"
            " l.locktype = 'advisory'"
            " FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)"
            " LEFT JOIN pg_class AS c ON c.oid = l.relation"
            " LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE l.granted AND l.pid <> pg_backend_pid()"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (l.locktype = 'advisory' AND l.objsubid = 1"
            "   AND (l.classid::bigint << 32) | l.objid::bigint = %s"
            "   OR l.locktype = 'relation' AND n.nspname = %s)"
            " ORDER BY l.pid",
            (self.advisory, self.address.schema),
        ).fetchall()
        planning = {pid for *_, pid, _, _, plans in rows if plans}
        told: dict[int, str] = {}
        for user, program, pid, state, since, _ in rows:
            parts = [program] if program else []
            parts += ["another plan"] if pid in planning else []
            parts += [f"session {pid}"]
            parts += [state] if state else []
            parts += [f"since {since:%Y-%m-%d %H:%M:%S} UTC"] if since else []
            told[pid] = f"{user or 'somebody'} ({', '.join(parts)})"
        return "; ".join(told.values()) or "somebody who is gone by now"
