"""The FlinkDeployment in the manifests is one, as the operator's own definition has it."""

import json
import zipfile

from rig import maven, waiting

from . import base, manifests

# The newest that every mirror has. It knows no Flink newer than 1.20.
_OPERATOR, _FLINK = "1.10.0", "v1_20"
_DEFINITION = "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"
_NAME = "flinkdeployments.flink.apache.org"


class Operator(base.KindTest):
    """No operator runs: the API server holds the manifest against the definition."""

    def is_established(self) -> bool:
        """Whether the API server serves what is defined. For a moment the definition has no status at all."""
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{_NAME}"
        conditions = base.kubernetes().admin.request("GET", path).get("status", {}).get("conditions") or []
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    def test_flink_deployment_is_taken_as_it_is(self) -> None:
        kubernetes, fleet = base.kubernetes(), self.fleet("my-job")
        definition = kubernetes.run_directory / "definition.yaml"
        with zipfile.ZipFile(maven.flink_jar("flink-kubernetes-operator-api", _OPERATOR)) as jar:
            definition.write_bytes(jar.read(_DEFINITION))
        kubernetes.kubectl("create", "-f", str(definition))
        self.addCleanup(kubernetes.kubectl, "delete", "crd", _NAME, "--wait=false")
        waiting.wait_until(self.is_established, "the definition to be served", 60, 0.2)
        text = (manifests.DIRECTORY / "operator.yaml").read_text()
        text = text.replace("namespace: flink\n", f"namespace: {fleet.name}\n").replace("v2_2", _FLINK)
        manifest = kubernetes.run_directory / "operator.yaml"
        create = ("create", "--validate=strict", "-f", str(manifest))
        manifest.write_text(text.replace("upgradeMode", "upgradeManner"))
        with self.assertRaisesRegex(AssertionError, 'unknown field "spec.job.upgradeManner"'):
            fleet.kubectl(*create)
        manifest.write_text(text)
        fleet.kubectl(*create)
        spec = json.loads(fleet.kubectl("get", _NAME, "my-job", "-o", "json"))["spec"]
        # The definition does not say so, but the operator takes no job with this way of upgrading without it.
        self.assertEqual("last-state", spec["job"]["upgradeMode"])
        self.assertTrue(spec["flinkConfiguration"]["execution.checkpointing.dir"])
