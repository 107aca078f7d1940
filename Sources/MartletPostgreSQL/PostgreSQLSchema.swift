// SPDX-License-Identifier: Apache-2.0
// Tables and statements. No value is part of a statement's text.
//
//     martlet_journals    id, name (UTF-8: text has no zero byte), epoch, covered (events in the snapshot), stored (events of all times)
//     martlet_snapshots   journal, body, checksum
//     martlet_events      journal, sequence (1, 2, ...), body, checksum
//     martlet_writers     id, session, batch: the last one that a store has committed, and over which connection
//     martlet_epochs      a sequence: an epoch is never used again, even if a journal is deleted and made again
//
// A snapshot has a table of its own: an append updates the row of its journal, which stays small for that. The update takes
// the row's lock, so that an opening waits for appends under way, and what follows it finds a changed epoch.
//
// A statement that must find its journal as the writer knows it, and does not, makes a NULL where none may be: that
// fails the transaction, so a batch that is committed has stored all its writes.

enum PostgreSQLSchema {
    /// Waits for another program that makes its tables in the same schema.
    static let lock = "SELECT pg_advisory_xact_lock(1835102836, hashtext(current_schema()))"  // "mart"

    /// NULL if the tables are not there; the one that is made last.
    static let find = "SELECT to_regclass('martlet_writers')::text"

    static let tables = [
        """
        CREATE TABLE IF NOT EXISTS martlet_journals (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name bytea NOT NULL UNIQUE,
            epoch bigint NOT NULL, covered bigint NOT NULL DEFAULT 0, stored bigint NOT NULL DEFAULT 0
        ) WITH (fillfactor = 70)
        """,
        """
        CREATE TABLE IF NOT EXISTS martlet_snapshots (
            journal bigint PRIMARY KEY, body bytea NOT NULL, checksum bigint NOT NULL)
        """,
        """
        CREATE TABLE IF NOT EXISTS martlet_events (
            journal bigint NOT NULL, sequence bigint NOT NULL, body bytea NOT NULL, checksum bigint NOT NULL,
            PRIMARY KEY (journal, sequence))
        """,
        "CREATE SEQUENCE IF NOT EXISTS martlet_epochs",
        """
        CREATE TABLE IF NOT EXISTS martlet_writers (
            id bigint PRIMARY KEY, session bigint NOT NULL, batch bigint NOT NULL, seen timestamptz NOT NULL)
        """,
    ]

    /// Of the session, as `SELECT`s that need no right.
    ///
    /// A commit that is acknowledged is on the disk, whatever the database's default. Each statement sees what was committed
    /// before it: a stricter default would fail one that waited for a row, where it is to go on with what it finds. All
    /// statements find rows by key: a plan that was made while the tables were small must not read them whole when they are
    /// large.
    static let settings = [
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        "SELECT set_config('default_transaction_isolation', 'read committed', false)",
        "SELECT set_config(name, 'off', false) FROM unnest('{enable_seqscan,enable_hashjoin,enable_mergejoin}'::text[]) name",
    ]

    /// How long a lock is waited for; $1 in milliseconds.
    static let patience = "SELECT set_config('lock_timeout', $1::bigint::text, false)"

    /// Takes over the row of a writer, and says which batch it committed last.
    ///
    /// Waits for the connection before, if that still commits, and fences it.
    static let takeOver = """
        INSERT INTO martlet_writers AS writer (id, session, batch, seen) VALUES ($1, 1, 0, now())
        ON CONFLICT (id) DO UPDATE SET session = writer.session + 1, seen = now() RETURNING session, batch
        """

    /// Rows of programs that are long gone; one that comes back makes its row again.
    static let purge = "DELETE FROM martlet_writers WHERE seen < now() - interval '30 days'"
}

/// The statements of transactions, prepared once a session.
package enum PostgreSQLQuery: String, CaseIterable, Sendable {
    case begin, commit, rollback
    /// Claims the batch for this session; fails a session that was taken over.
    case mark
    /// An opening: its row, locked; its snapshot; its events; then the new epoch.
    case find, snapshot, events, take, cut
    case append, saveSnapshot, deleteJournal
    /// Why an append was refused.
    case look

    package var text: String {
        switch self {
        case .begin: "BEGIN"
        case .commit: "COMMIT"
        case .rollback: "ROLLBACK"
        case .mark:
            """
            INSERT INTO martlet_writers AS writer (id, session, batch, seen)
            VALUES ($1::bigint, $2::bigint, $3::bigint, now())
            ON CONFLICT (id) DO UPDATE
            SET batch = CASE WHEN writer.session = excluded.session THEN excluded.batch END, seen = now()
            """
        case .find:
            """
            INSERT INTO martlet_journals AS journal (name, epoch) VALUES ($1::bytea, 0)
            ON CONFLICT (name) DO UPDATE SET epoch = journal.epoch
            RETURNING id, covered, stored, nextval('martlet_epochs')
            """
        case .snapshot:
            """
            SELECT body, checksum FROM martlet_snapshots
            WHERE journal = (SELECT id FROM martlet_journals WHERE name = $1::bytea)
            """
        case .events:
            """
            SELECT sequence, body, checksum FROM martlet_events
            WHERE journal = (SELECT id FROM martlet_journals WHERE name = $1::bytea) ORDER BY sequence
            """
        case .take: "UPDATE martlet_journals SET epoch = $2::bigint, stored = $3::bigint WHERE id = $1::bigint"
        case .cut: "DELETE FROM martlet_events WHERE journal = $1::bigint AND sequence > $2::bigint"
        case .append:
            """
            WITH journal AS (
                UPDATE martlet_journals SET stored = stored + cardinality($4::bytea[])
                WHERE name = $1::bytea AND epoch = $2::bigint AND stored = $3::bigint RETURNING id)
            INSERT INTO martlet_events (journal, sequence, body, checksum)
            SELECT (SELECT id FROM journal), $3::bigint + number, body, checksum
            FROM unnest($4::bytea[], $5::bigint[]) WITH ORDINALITY AS event (body, checksum, number)
            """
        case .saveSnapshot:
            """
            WITH journal AS (
                UPDATE martlet_journals SET covered = $3::bigint
                WHERE name = $1::bytea AND epoch = $2::bigint AND $3::bigint BETWEEN covered AND stored RETURNING id),
            dropped AS (
                DELETE FROM martlet_events WHERE journal = (SELECT id FROM journal) AND sequence <= $3::bigint)
            INSERT INTO martlet_snapshots (journal, body, checksum)
            VALUES ((SELECT id FROM journal), $4::bytea, $5::bigint)
            ON CONFLICT (journal) DO UPDATE SET body = excluded.body, checksum = excluded.checksum
            """
        case .deleteJournal:
            """
            WITH journal AS (DELETE FROM martlet_journals WHERE name = $1::bytea RETURNING id),
            snapshot AS (DELETE FROM martlet_snapshots WHERE journal = (SELECT id FROM journal))
            DELETE FROM martlet_events WHERE journal = (SELECT id FROM journal)
            """
        case .look: "SELECT epoch FROM martlet_journals WHERE name = $1::bytea"
        }
    }
}
