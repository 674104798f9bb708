//! etcd and kube-apiserver on free ports of the loopback interface.
//!
//! Started when `FLINKKUBEHA_CONTROL_PLANE` names the program that holds both (its first word chooses), which `tests/control-plane` builds.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const PROGRAM: &str = "FLINKKUBEHA_CONTROL_PLANE";
/// On a machine that does much else, a start takes more than a minute.
const READY_LIMIT: Duration = Duration::from_secs(300);
const ADMIN_TOKEN: &str = "admin-of-this-test";

pub struct ControlPlane {
    program: PathBuf,
    // Both are killed in this order: the API server waits for an etcd that is gone.
    api_server: Killed,
    _etcd: Killed,
    port: u16,
    directory: tempfile::TempDir,
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A namespace with a service account, which has a Role with some verbs on configmaps.
pub struct Tenant {
    pub namespace: String,
    pub token: String,
}

impl ControlPlane {
    /// `None`, and a line that says so, where no program is named.
    pub fn start() -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM).map(PathBuf::from) else {
            // Not by a macro: the test harness would swallow it.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {PROGRAM} names no control plane");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let [etcd_port, peer_port, port] = free_ports();
        std::fs::write(
            path.join("tokens.csv"),
            format!("{ADMIN_TOKEN},admin,admin,system:masters\n"),
        )
        .unwrap();
        let keys = run(Command::new("openssl").args(["genrsa", "2048"]), None);
        std::fs::write(path.join("sa.key"), keys).unwrap();

        make_client_certificate(&path);

        let etcd_url = format!("http://127.0.0.1:{etcd_port}");
        let peer_url = format!("http://127.0.0.1:{peer_port}");
        let etcd = start(
            &program,
            &path,
            "etcd",
            &[
                &format!("--data-dir={}", path.join("etcd").display()),
                &format!("--listen-client-urls={etcd_url}"),
                &format!("--advertise-client-urls={etcd_url}"),
                &format!("--listen-peer-urls={peer_url}"),
                &format!("--initial-advertise-peer-urls={peer_url}"),
                &format!("--initial-cluster=default={peer_url}"),
                "--log-level=warn",
                "--unsafe-no-fsync",
            ],
        );
        let key = path.join("sa.key");
        let api_server = start(
            &program,
            &path,
            "kube-apiserver",
            &[
                &format!("--etcd-servers={etcd_url}"),
                "--bind-address=127.0.0.1",
                &format!("--secure-port={port}"),
                &format!("--cert-dir={}", path.display()),
                "--service-cluster-ip-range=10.0.0.0/24",
                "--authorization-mode=RBAC",
                &format!("--token-auth-file={}", path.join("tokens.csv").display()),
                "--service-account-issuer=https://kubernetes.default.svc",
                &format!("--service-account-key-file={}", key.display()),
                &format!("--service-account-signing-key-file={}", key.display()),
                &format!("--client-ca-file={}", path.join("client-ca.crt").display()),
                "--disable-admission-plugins=ServiceAccount",
            ],
        );
        let mut plane = Self {
            program,
            api_server,
            _etcd: etcd,
            port,
            directory,
        };
        plane.wait_until_ready();
        Some(plane)
    }

    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate that the API server made for itself.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("apiserver.crt")
    }

    /// Certificate and key of an administrator.
    pub fn client_certificate(&self) -> (PathBuf, PathBuf) {
        (
            self.directory.path().join("client.crt"),
            self.directory.path().join("client.key"),
        )
    }

    /// A tenant whose Role grants these verbs on configmaps.
    pub fn tenant(&self, namespace: &str, verbs: &[&str]) -> Tenant {
        self.tenant_by_name(namespace, verbs, &[])
    }

    /// A tenant whose Role grants these verbs on any name, and these on one name.
    pub fn tenant_by_name(&self, namespace: &str, verbs: &[&str], on_names: &[(&[&str], &str)]) -> Tenant {
        let meta = |name: &str| json!({"name": name, "namespace": namespace});
        let mut rules = vec![];
        if !verbs.is_empty() {
            rules.push(json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}));
        }
        for (verbs, name) in on_names {
            rules
                .push(json!({"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [name], "verbs": verbs}));
        }
        self.apply(&[
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("flink")}),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta("flink"), "rules": rules}),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": meta("flink"),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "flink"},
                "subjects": [{"kind": "ServiceAccount", "name": "flink", "namespace": namespace}],
            }),
        ]);
        let token = self.kubectl(&["create", "token", "flink", "--namespace", namespace], None);
        Tenant {
            namespace: namespace.to_owned(),
            token: token.trim().to_owned(),
        }
    }

    pub fn apply(&self, objects: &[Value]) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        self.kubectl(&["apply", "--filename=-"], Some(&list));
    }

    pub fn kubectl(&self, arguments: &[&str], input: Option<&str>) -> String {
        let mut command = Command::new(&self.program);
        command
            .arg("kubectl")
            .arg("--kubeconfig=/dev/null")
            .arg(format!(
                "--cache-dir={}",
                self.directory.path().join("kubectl").display()
            ))
            .arg(format!("--server={}", self.server()))
            .arg(format!("--certificate-authority={}", self.ca_file().display()))
            .arg(format!("--token={ADMIN_TOKEN}"))
            .args(arguments);
        run(&mut command, input)
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        loop {
            let ready = self.ca_file().is_file() && {
                let mut command = Command::new(&self.program);
                command.args(["kubectl", "--kubeconfig=/dev/null", "--request-timeout=2s"]);
                command
                    .arg(format!("--server={}", self.server()))
                    .arg(format!("--certificate-authority={}", self.ca_file().display()));
                command
                    .arg(format!("--token={ADMIN_TOKEN}"))
                    .args(["get", "--raw", "/readyz"]);
                command
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
                    .success()
            };
            if ready {
                return;
            }
            let ended = self.api_server.0.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < READY_LIMIT,
                "kube-apiserver is not ready: {}",
                std::fs::read_to_string(self.directory.path().join("kube-apiserver.log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn make_client_certificate(directory: &Path) {
    let openssl = |arguments: &str| {
        run(
            Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(directory),
            None,
        );
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -days 2 -subj /CN=clients -keyout client-ca.key -out client-ca.crt"
    ));
    openssl(&format!(
        "req {key} -subj /O=system:masters/CN=admin -keyout client.key -out client.csr"
    ));
    // With an extension it becomes a certificate of version 3, the only one that rustls takes.
    std::fs::write(directory.join("client.ext"), "basicConstraints=CA:FALSE").unwrap();
    openssl(
        "x509 -req -in client.csr -extfile client.ext -CA client-ca.crt -CAkey client-ca.key -days 2 -out client.crt",
    );
}

fn start(program: &Path, directory: &Path, word: &str, arguments: &[&str]) -> Killed {
    let log = std::fs::File::create(directory.join(format!("{word}.log"))).unwrap();
    let mut command = Command::new(program);
    command
        .arg(word)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    Killed(command.spawn().unwrap())
}

fn run(command: &mut Command, input: Option<&str>) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let Some(input) = input {
        child.stdin.as_mut().unwrap().write_all(input.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    std::array::from_fn(|index| listeners[index].local_addr().unwrap().port())
}
