import psycopg
import pytest
from psycopg import errors

from ingest.db.errors import ClockLeaptError, Remedy, remedy


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(errors.DiskFull("x"), Remedy.WAIT, id="53100"),
        pytest.param(errors.ReadOnlySqlTransaction("x"), Remedy.WAIT, id="25006"),
        pytest.param(errors.LockNotAvailable("x"), Remedy.WAIT, id="55P03"),
        pytest.param(errors.DeadlockDetected("x"), Remedy.WAIT, id="40P01"),
        pytest.param(errors.QueryCanceled("x"), Remedy.WAIT, id="57014"),
        pytest.param(errors.AdminShutdown("x"), Remedy.WAIT, id="57P01"),
        pytest.param(errors.UndefinedTable("x"), Remedy.WAIT, id="42P01 not migrated yet"),
        pytest.param(errors.UniqueViolation("x"), Remedy.LOOK_UP, id="23505"),
        pytest.param(errors.ForeignKeyViolation("x"), Remedy.RELOAD, id="23503"),
        pytest.param(errors.CheckViolation("x"), Remedy.ISOLATE, id="23514"),
        pytest.param(errors.NumericValueOutOfRange("x"), Remedy.ISOLATE, id="22003"),
        pytest.param(psycopg.OperationalError("gone"), Remedy.RECONNECT, id="connection lost"),
        pytest.param(psycopg.DataError("encoding"), Remedy.ISOLATE, id="our encoding"),
        pytest.param(ClockLeaptError("x"), Remedy.WAIT, id="clock in doubt"),
        pytest.param(ValueError("bug"), Remedy.ISOLATE, id="our own"),
    ],
)
def test_each_error_has_its_remedy(error: Exception, expected: Remedy) -> None:
    assert remedy(error) is expected
