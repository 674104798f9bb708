//! The command, run as a service account with a Role of its own against a real API server.
// Each test uses a part of it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

#[path = "../../../../tests/support/control_plane.rs"]
pub mod control_plane;
pub mod findings;
#[path = "../../../../tests/support/s3_gateway.rs"]
pub mod s3_gateway;
pub mod samples;
#[path = "../../../../tests/support/server_process.rs"]
pub mod server_process;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use control_plane::ControlPlane;

/// Until the authorizer has heard of a new Role, and a read of what is not there was answered.
const ROLE_LIMIT: Duration = Duration::from_secs(60);

/// What became of a run.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the command without anything of the environment but these variables.
pub fn flink_ha(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    ended(&mut command(arguments, environment))
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flink-ha"));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    command
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A namespace with a service account that may do these things with its `ConfigMaps`.
pub struct Tenant<'a> {
    pub plane: &'a ControlPlane,
    pub namespace: String,
    directory: tempfile::TempDir,
}

impl<'a> Tenant<'a> {
    pub fn new(plane: &'a ControlPlane, namespace: &str, verbs: &[&str]) -> Self {
        let tenant = plane.tenant(namespace, verbs);
        let directory = tempfile::tempdir().unwrap();
        let user = json!({"token": tenant.token});
        let this = Self {
            plane,
            namespace: tenant.namespace,
            directory,
        };
        std::fs::write(this.kubeconfig(), kubeconfig(plane, namespace, &user)).unwrap();
        // A Role is known as a whole.
        if let Some(verb) = verbs.last() {
            this.wait_for(verb);
        }
        this
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the command as this service account, in the namespace that its kubeconfig names.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let kubeconfig = self.kubeconfig();
        flink_ha(arguments, &[("KUBECONFIG", kubeconfig.to_str().unwrap())])
    }

    /// The same in this directory.
    pub fn run_in(&self, directory: &Path, arguments: &[&str]) -> Ended {
        let kubeconfig = self.kubeconfig();
        let environment = [("KUBECONFIG", kubeconfig.to_str().unwrap())];
        ended(command(arguments, &environment).current_dir(directory))
    }

    /// Puts objects into this namespace.
    pub fn put(&self, objects: &[Value]) {
        let mut objects = objects.to_vec();
        for object in &mut objects {
            object["metadata"]["namespace"] = json!(self.namespace);
        }
        self.plane.apply(&objects);
    }

    pub fn names(&self) -> Vec<String> {
        let found = self
            .plane
            .kubectl(&["get", "configmaps", "-o", "name", "-n", &self.namespace], None);
        found
            .lines()
            .map(|line| line.trim_start_matches("configmap/").to_owned())
            .filter(|name| name != "kube-root-ca.crt")
            .collect()
    }

    pub fn stored(&self, name: &str) -> Value {
        let text = self
            .plane
            .kubectl(&["get", "configmap", name, "-o", "json", "-n", &self.namespace], None);
        serde_json::from_str(&text).unwrap()
    }

    /// Right after its creation the Role is not known to the authorizer yet.
    fn wait_for(&self, verb: &str) {
        let started = Instant::now();
        let user = format!("system:serviceaccount:{}:flink", self.namespace);
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": {"namespace": self.namespace, "verb": verb, "resource": "configmaps"}},
        })
        .to_string();
        while !self
            .plane
            .kubectl(&["create", "--filename=-", "--output=json"], Some(&review))
            .contains("\"allowed\": true")
        {
            assert!(started.elapsed() < ROLE_LIMIT, "the Role is never known");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A kubeconfig of one context (JSON is YAML).
pub fn kubeconfig(plane: &ControlPlane, namespace: &str, user: &Value) -> String {
    let cluster = json!({"server": plane.server(), "certificate-authority": plane.ca_file()});
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "there", "user": "me", "namespace": namespace}}],
        "clusters": [{"name": "there", "cluster": cluster}],
        "users": [{"name": "me", "user": user}],
    })
    .to_string()
}

/// What is run on a control plane.
pub type Scenario = fn(&ControlPlane);

/// Two at a time: starting kubectl takes longer than what it does.
const AT_ONCE: usize = 2;

/// Runs scenarios on one control plane, and names those that failed.
pub fn on_a_control_plane(scenarios: &[(&str, Scenario)]) {
    let Some(plane) = ControlPlane::start() else { return };
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let work = || {
        while let Some((name, scenario)) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            let began = Instant::now();
            match catch_unwind(AssertUnwindSafe(|| scenario(&plane))) {
                Ok(()) => println!("{name}: ok, {:.1} s", began.elapsed().as_secs_f64()),
                Err(_) => failed.lock().unwrap().push(*name),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:?}");
}
