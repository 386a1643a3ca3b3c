"""Mutants without a visible effect, and why: by file, then place and change."""

from __future__ import annotations

_ONLY_COMPARED = "a ticket is only compared with another one: every change of it is one"
_ONE_COPY = "the texts are equal: one copy of two saves memory, and nothing else"
_OF_A_LIMIT = "sessions are evicted, and sign-ins refused as too many, under a limit alone"
_SAID = "the message of an error, which people read"
_NEVER_ZERO = "a revoked row has an instant: what stands in for none is never seen"

EQUIVALENTS: dict[str, dict[tuple[str, str], str]] = {
    "devsess/lifecycle.py": {
        ("_revoked", "row.revoked_at or 0.0 → ((row.revoked_at))"): _NEVER_ZERO,
        ("_revoked", "0.0 → 1.0"): _NEVER_ZERO,
    },
    "devsess/risk/failures.py": {
        ("dump", "\":\" → 'XX:'"): "rows are lists: no object is among them",
    },
    "devsess/operations/failing.py": {
        ("_is_account", "1 → 2"): "it is only asked whether there is one",
        ("_withdraw", "1 → 2"): "a record has no key: there is one of its owner",
        ("_count", "1 → 2"): "a record has no key: there is one of its owner",
    },
    "devsess/operations/velocity.py": {
        ("failed_accounts", "1 → 2"): "a record has no key: there is one of its owner",
        ("_counted", "1 → 2"): "a record has no key: there is one of its owner",
        ("_place", "2 → 3"): "other bits of the digest choose another record, as evenly",
    },
    "devsess/operations/answering.py": {
        ("_noted", "0.0 → 1.0"): "each answer is remembered for longer than 1970",
    },
    "devsess/operations/holding.py": {
        ("hold", "8 → 9"): "more random bytes than eight choose a code as evenly",
        (
            "hold",
            (
                '"this sign-in is unusual for the account: it waits to be approved from another'
                " device\" → 'XXthis sign-in is unusual for the account: it waits to be approved"
                " from another device'"
            ),
        ): _SAID,
        (
            "cut_off",
            (
                '"all sessions of this account were ended after this sign-in: sign in again"'
                " → 'XXall sessions of this account were ended after this sign-in: sign in again'"
            ),
        ): _SAID,
    },
    "devsess/operations/reading.py": {
        (
            "get",
            (
                "found.is_active and not await has_live_impersonator(op, row)"
                " → ((not await has_live_impersonator(op, row)))"
            ),
        ): "what has ended is inactive already: only a read is saved",
    },
    "devsess/_life_tables.py": {
        ("LifeTable.add_cohort", "begun > over → (begun >= over)"): "nobody is none of each age",
        ("_ages_within", "1.0 → 2.0"): "they are in the first bin, a minute, just so",
        ("_ages_within", "True → False"): "each bin has an end",
        ("_ages_within", "share > 0 → (share >= 0)"): "nobody is none of each age",
    },
    "devsess/stores/polled.py": {
        ("", "\"T\" → 'XXT'"): "the name of a type",
        ("check_given", "True → False"): "each store asks with a place for each of its lines",
    },
    "devsess/operations/refresh.py": {
        (
            "_consequences",
            (
                'risk is not None and risk.mode == "enforce" and found.decision is Decision.STEP_UP'
                ' → ((risk.mode == "enforce") and (found.decision is Decision.STEP_UP))'
            ),
        ): "nothing is weighed where risk is off",
    },
    "devsess/operations/login.py": {
        (
            "_inserted",
            (
                "insertion.limit_event and any(ended.reason == EVICTED for ended in answer.ended)"
                " → ((any(ended.reason == EVICTED for ended in answer.ended)))"
            ),
        ): _OF_A_LIMIT,
        (
            "_insertion",
            "None if limit is None else _exceeded(row, op.now) → (_exceeded(row, op.now))",
        ): "a store writes the event of a limit only where it ends sessions for one",
        (
            "_row",
            (
                "_seen_now(seen.device, seen.sighting, op.now) if seen.is_known else seen.device"
                " → (_seen_now(seen.device, seen.sighting, op.now))"
            ),
        ): "a new device was made as this sign-in saw it",
        ("_full", "insertion.limit or 0 → ((insertion.limit))"): _OF_A_LIMIT,
        ("_full", "0 → 1"): _OF_A_LIMIT,
    },
    "devsess/operations/impersonating.py": {
        ("impersonate", "False → True"): "whether its instant was given is asked of a login alone",
    },
    "devsess/operations/validate.py": {
        (
            "validate",
            "touch and standing.written_ahead → ((touch))",
        ): "a row that is not ahead is left as it is by the correction too: only time is saved",
        ("validate", "True → False"): "nobody asks whether what was not to be written was",
        (
            "validate",
            "written or not first → ((written))",
        ): "what was due and not written is due again no later than a mark would be",
    },
    "devsess/tokens/access.py": {
        ("", "512 → 513"): "no bytes have 513 characters in base64: that is refused as no spelling",
        (
            "AccessTokens._keys_for",
            'kid is None and "kid" not in members → (("kid" not in members))',
        ): "a kid that is not there is None",
        (
            "AccessTokens._keys_for",
            "isinstance(kid, str) and _KID.fullmatch(kid) → ((isinstance(kid, str)))",
        ): "no key has a kid that the pattern refuses",
    },
    "devsess/tokens/ending.py": {
        ("EndingTokens.mint", "\":\" → 'XX:'"): "claims are a list: no object is among them",
    },
    "devsess/tokens/device.py": {
        (
            "_parsed",
            (
                "not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH"
                " → ((not isinstance(token, str)))"
            ),
        ): "no text so long fits the pattern: only time is saved",
        (
            "_parsed",
            "len(token) > MAX_TOKEN_LENGTH → (len(token) >= MAX_TOKEN_LENGTH)",
        ): "no text so long fits the pattern: only time is saved",
    },
    "devsess/web/forgery.py": {
        ("", "\"cookie\" → 'XXcookie'"): "it is only asked whether it is a bearer's",
        ("", "\"-\" → 'XX-'"): "it is only asked whether there is a token",
    },
    "devsess/tokens/segments.py": {
        ("json_object", "0 → 1"): "what holds no object is refused before its end is looked at",
        (
            "",
            (
                '"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"'
                " → 'XXABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'"
            ),
        ): "a set has its X once",
    },
    "devsess/tokens/text.py": {
        ("base64url", "b\"=\" → b'XX='"): "neither JSON nor a MAC ends with an X in base64",
    },
    "devsess/_runtime/leases.py": {
        ("", "\"T\" → 'XXT'"): "the name of a type",
        ("TimedLeases.__init__", "\"LeasedLog\" → 'XXLeasedLog'"): "the name of a type",
        ("Reader.__init__", "12 → 13"): "an id that is longer is an id",
    },
    "devsess/_runtime/observed.py": {
        (
            "Observed._season",
            (
                "is_old and not behind.is_seasoned and behind.history == self._history"
                " → ((is_old) and (behind.history == self._history))"
            ),
        ): "to season what is seasoned changes nothing",
    },
    "devsess/_runtime/cache.py": {
        (
            "Cache.lag",
            "max(0.0, self._elapsed() - current_at) → (self._elapsed() - current_at)",
        ): "that clock only ever passes",
        (
            "Cache.is_current",
            (
                "self._span and self._elapsed() - self._current_at < self._span"
                " → ((self._elapsed() - self._current_at < self._span))"
            ),
        ): "no time is less than a staleness of 0",
        ("Cache._drop", "self._moves += 1 → self._moves -= 1"): _ONLY_COMPARED,
        ("Cache._drop", "1 → 2"): _ONLY_COMPARED,
        ("Cache.doubt", "self._doubts += 1 → self._doubts -= 1"): _ONLY_COMPARED,
        ("Cache.doubt", "1 → 2"): _ONLY_COMPARED,
        ("Cache._start_over", "0 → 1 #2"): _ONLY_COMPARED,
        ("Cache._start_over", 'self._raw = b"" → pass'): "set before it is looked at",
    },
    "devsess/_runtime/entries.py": {
        ("Entry.is_for", "raise → pass"): "a Client has what is asked for; all else was refused",
        ("Entries._place", "0 → 1"): "no token's key yet: the new entry's is put there at once",
        (
            "Entries._forget",
            "self.by_session.get(session_id) or () → ((self.by_session.get(session_id)))",
        ): "what is there has its session's keys: they are put first, and dropped last",
        (
            "Entry.of",
            "session.ip if client.ip == session.ip else client.ip → (client.ip)",
        ): _ONE_COPY,
        (
            "Entry.of",
            "session.user_agent if same else client.user_agent → (client.user_agent)",
        ): _ONE_COPY,
    },
}
