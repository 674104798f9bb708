//! A port that leads to another, whose connections break when a test says so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub struct Detour {
    /// Host and port.
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    open: Mutex<Vec<TcpStream>>,
    /// The answer to a request with this word in it is lost, and the connection with it.
    loses: Mutex<Option<String>>,
    lost: AtomicUsize,
}

impl Detour {
    /// It leads there as long as the process runs.
    pub fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (near, state) = (listener.local_addr().unwrap().to_string(), Arc::new(State::default()));
        let (far, shared) = (address.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for near in listener.incoming() {
                if let (near, Ok(far)) = (near.unwrap(), TcpStream::connect(&far)) {
                    shared.join(near, far);
                }
            }
        });
        Self { address: near, state }
    }

    /// Ends every connection.
    pub fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Loses the answer to the next request that has this word in it.
    pub fn lose_answer_to(&self, word: &str) {
        *self.state.loses.lock().unwrap() = Some(word.to_owned());
    }

    /// How many answers were lost.
    pub fn lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl State {
    fn join(self: &Arc<Self>, near: TcpStream, far: TcpStream) {
        let clone = |stream: &TcpStream| stream.try_clone().unwrap();
        self.open.lock().unwrap().extend([clone(&near), clone(&far)]);
        let loses = Arc::new(AtomicBool::new(false));
        let (from, to) = (clone(&near), clone(&far));
        let (state, lose) = (Arc::clone(self), Arc::clone(&loses));
        thread::spawn(move || {
            pass(from, to, |request| {
                let mut word = state.loses.lock().unwrap();
                let found = |word: &String| request.windows(word.len()).any(|part| part == word.as_bytes());
                if word.as_ref().is_some_and(found) {
                    word.take();
                    lose.store(true, Ordering::SeqCst);
                }
                true
            });
        });
        let state = Arc::clone(self);
        thread::spawn(move || {
            pass(far, near, |_| {
                let loses = loses.swap(false, Ordering::SeqCst);
                state.lost.fetch_add(usize::from(loses), Ordering::SeqCst);
                !loses
            });
        });
    }
}

/// Until one side ends, or what came is not to be passed on.
fn pass(mut from: TcpStream, mut to: TcpStream, goes_on: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !goes_on(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
