//! A process that can be frozen: none of its tasks is polled meanwhile.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use flinkkubeha::cluster::services::{Spawn, Work};
use tokio::task::AbortHandle;
use tokio::time::Instant;

#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    frozen_since: Option<Instant>,
    thawed_at: Option<Instant>,
    frozen: Duration,
    wakers: Vec<Waker>,
    tasks: Vec<AbortHandle>,
    dead: bool,
}

impl Gate {
    pub fn freeze(&self) {
        let mut state = self.state.lock().unwrap();
        state.frozen_since.get_or_insert_with(Instant::now);
    }

    pub fn thaw(&self) {
        let wakers = {
            let mut state = self.state.lock().unwrap();
            if let Some(since) = state.frozen_since.take() {
                state.frozen += since.elapsed();
                state.thawed_at = Some(Instant::now());
            }
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it was frozen at any time within this span before now.
    pub fn was_frozen_within(&self, span: Duration) -> bool {
        let state = self.state.lock().unwrap();
        state.frozen_since.is_some() || state.thawed_at.is_some_and(|thawed| thawed.elapsed() <= span)
    }

    /// How long it has been frozen altogether.
    pub fn frozen(&self) -> Duration {
        let state = self.state.lock().unwrap();
        state.frozen + state.frozen_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub fn is_dead(&self) -> bool {
        self.state.lock().unwrap().dead
    }

    /// The end of the process: its tasks stop where they are, whatever they were about to do.
    pub fn kill(&self) {
        let tasks = {
            let mut state = self.state.lock().unwrap();
            state.dead = true;
            std::mem::take(&mut state.tasks)
        };
        tasks.iter().for_each(AbortHandle::abort);
    }

    pub async fn thawed(&self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap();
        if state.frozen_since.is_some() {
            state.wakers.push(context.waker().clone());
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Starts tasks of this process.
    pub fn spawn(self: &Arc<Self>) -> Spawn {
        let gate = Arc::clone(self);
        Arc::new(move |work: Work| {
            if gate.is_dead() {
                return;
            }
            let task = tokio::spawn(Freezable {
                gate: Arc::clone(&gate),
                work,
            });
            let mut state = gate.state.lock().unwrap();
            state.tasks.retain(|task| !task.is_finished());
            state.tasks.push(task.abort_handle());
        })
    }
}

struct Freezable {
    gate: Arc<Gate>,
    work: Work,
}

impl Future for Freezable {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.gate.poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => self.work.as_mut().poll(context),
        }
    }
}
