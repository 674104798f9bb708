"""S3 with the web identity of a pod: no keys anywhere, and those that are handed out are renewed before they expire."""

import hashlib

from rig import stores
from rig.identity import WebIdentity
from rig.waiting import wait_until

from . import base

# Keys are renewed when they live for less than that.
_RENEWED_BEFORE = 300


@base.ours_only("needs a plug-in")
class WebIdentityOnS3(base.ClusterTest):
    """Needs a network and mounts of its own, which not every machine lets a user have."""

    in_ci = False

    def test_keys_are_renewed_with_the_token_that_is_there_then(self) -> None:
        namespace = self.namespace()
        identity = WebIdentity(namespace, self.directory / "identity")
        self.addCleanup(identity.stop)
        program = stores.services(
            namespace,
            self.directory,
            "services",
            base.our_jars(),
            identity.gateway.root,
            identity.settings,
            identity.environment,
        )
        self.addCleanup(program.stop)
        jar = self.directory / "jar"
        digest = stores.make_file(jar, 20 << 20)

        first, told = identity.token_digest, _RENEWED_BEFORE + 5
        identity.tell_seconds(told)
        program.ask("open", 180)
        self.assertEqual([(200, first)], [(one["status"], one["token"]) for one in identity.taken()])
        program.ask(f"put {jar}")
        identity.renew_token()
        second = identity.token_digest
        self.assertNotEqual(first, second)

        def renewed() -> bool:
            self.assertEqual(digest, program.ask("get")["digest"])
            return identity.taken()[-1]["token"] == second

        wait_until(renewed, "the renewal", 60, 0.5)
        self.assertEqual({200}, {one["status"] for one in identity.taken()})
        self.report(f"{len(identity.taken())} times keys: told to live {told} s, renewed {_RENEWED_BEFORE} s before, with the new token")
        program.ask("delete", 180)
        program.ask("close", 60)

        # What is no token is refused by the service, and shown to nobody.
        identity.replace_token("eyJ.no-token.here")
        failure = program.refused("open")
        self.assertRegex(failure, "high-availability.storageDir: .* InvalidIdentityToken.* check AWS_ROLE_ARN and the token")
        self.assertNotIn("no-token", failure)
        self.assertEqual(hashlib.sha256(b"eyJ.no-token.here").hexdigest(), identity.taken()[-1]["token"])
        said = next(line for line in failure.splitlines() if "cannot be used" in line)
        self.report(said[:400])
