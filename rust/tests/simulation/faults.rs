//! What becomes of a request.

use std::collections::VecDeque;
use std::time::Duration;

use crate::fake_api::{Call, Seen};
use crate::random::Random;

/// How an answer fails to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing comes, for ever.
    Hang,
    /// The connection breaks.
    Reset,
    /// The answer breaks off in the middle.
    Truncated,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Time to the server.
    pub there: Duration,
    /// Whether the server carries it out.
    pub carried_out: bool,
    /// The code that is answered in place of the truth.
    pub code: Option<u16>,
    /// Time back.
    pub back: Duration,
    pub loss: Option<Loss>,
    /// No connection is made at all.
    pub refused: bool,
    /// It is delivered once more, this much later.
    pub again: Option<Duration>,
    /// What went wrong with it.
    pub fault: Option<&'static str>,
}

impl Fate {
    pub const fn good(there: Duration, back: Duration) -> Self {
        Self {
            there,
            carried_out: true,
            code: None,
            back,
            loss: None,
            refused: false,
            again: None,
            fault: None,
        }
    }

    pub const fn refused() -> Self {
        Self {
            carried_out: false,
            refused: true,
            ..Self::good(Duration::ZERO, Duration::ZERO)
        }
    }

    pub const fn dropped(loss: Loss) -> Self {
        Self {
            carried_out: false,
            loss: Some(loss),
            ..Self::good(Duration::from_millis(2), Duration::from_millis(2))
        }
    }

    /// Carried out, and the answer is lost.
    pub const fn unheard(there: Duration, loss: Loss) -> Self {
        Self {
            loss: Some(loss),
            ..Self::good(there, Duration::from_millis(2))
        }
    }

    /// The same, this much later.
    pub const fn after(self, millis: u64) -> Self {
        Self {
            back: Duration::from_millis(millis),
            ..self
        }
    }

    pub const fn code(code: u16) -> Self {
        Self {
            carried_out: false,
            code: Some(code),
            ..Self::good(Duration::from_millis(2), Duration::from_millis(2))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Slow,
    Refused,
    DropRequest,
    DropReply,
    Late,
    Unauthorized,
    Forbidden,
    Conflict,
    TooManyRequests,
    Invalid,
    ServerErrorBefore,
    ServerErrorAfter,
    Twice,
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::Slow => "request or reply slow enough to be overtaken",
            Self::Refused => "connection refused",
            Self::DropRequest => "request lost",
            Self::DropReply => "reply lost",
            Self::Late => "request that arrives when nobody waits any more",
            Self::Unauthorized => "401",
            Self::Forbidden => "403",
            Self::Conflict => "409 without a conflict",
            Self::TooManyRequests => "429",
            Self::Invalid => "422",
            Self::ServerErrorBefore => "5xx, not carried out",
            Self::ServerErrorAfter => "5xx, carried out",
            Self::Twice => "request delivered twice",
        }
    }
}

const FAULTS: [Fault; 13] = [
    Fault::Slow,
    Fault::Refused,
    Fault::DropRequest,
    Fault::DropReply,
    Fault::Late,
    Fault::Unauthorized,
    Fault::Forbidden,
    Fault::Conflict,
    Fault::TooManyRequests,
    Fault::Invalid,
    Fault::ServerErrorBefore,
    Fault::ServerErrorAfter,
    Fault::Twice,
];

/// How the way of one machine to the API server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Good,
    /// Nothing gets through and nobody says so.
    BlackHole,
    /// Connections are refused.
    Refused,
}

/// A fate for the next request that this fits.
pub type Planned = (Box<dyn Fn(&Seen) -> bool + Send>, Fate);

/// What goes wrong in this run, and how often.
pub struct Weather {
    faults: Vec<(Fault, u64)>,
    /// Requests out of a thousand with a fault.
    per_mille: u64,
    /// Also watches suffer.
    pub watch_per_mille: u64,
    pub longest_lag: u64,
    paths: Vec<Path>,
    /// What every request takes longer, and every answer, in milliseconds.
    pub latency: u64,
    /// Fates that a scenario has laid out; they come before chance.
    pub planned: VecDeque<Planned>,
    /// All watches of this machine are dead, those that it opens too, and nobody says so.
    pub severed: Option<usize>,
    /// Watches of this server tell nothing of what happens elsewhere.
    pub without_bookmarks: bool,
    /// An admission webhook that takes this component's address out of whatever is written.
    pub hides: Option<&'static str>,
}

impl Weather {
    pub fn fair(machines: usize) -> Self {
        Self {
            faults: Vec::new(),
            per_mille: 0,
            watch_per_mille: 0,
            longest_lag: 5,
            paths: vec![Path::Good; machines],
            latency: 0,
            planned: VecDeque::new(),
            severed: None,
            without_bookmarks: false,
            hides: None,
        }
    }

    /// Every run has faults of its own, so that rare ones are not drowned by frequent ones.
    pub fn foul(random: &mut Random, machines: usize) -> Self {
        let mut faults: Vec<_> = FAULTS
            .iter()
            .map(|fault| (*fault, random.pick(&[0, 0, 1, 3, 10])))
            .collect();
        faults[0].1 += 1;
        Self {
            faults,
            per_mille: random.pick(&[0, 5, 30, 100, 300]),
            watch_per_mille: random.pick(&[0, 50, 300]),
            longest_lag: random.pick(&[5, 50, 500, 4000]),
            paths: vec![Path::Good; machines],
            latency: 0,
            planned: VecDeque::new(),
            severed: None,
            without_bookmarks: random.per_mille(150),
            hides: None,
        }
    }

    pub fn clear_up(&mut self) {
        let machines = self.paths.len();
        *self = Self::fair(machines);
    }

    pub fn path(&self, machine: usize) -> Path {
        self.paths[machine]
    }

    pub fn set_path(&mut self, machine: usize, path: Path) {
        self.paths[machine] = path;
    }

    pub fn fate(&mut self, seen: &Seen, random: &mut Random) -> Fate {
        match self.path(seen.machine) {
            Path::Good => {}
            Path::BlackHole => return Fate::dropped(Loss::Hang),
            Path::Refused => return Fate::refused(),
        }
        if let Some(place) = self.planned.iter().position(|(fits, _)| fits(seen)) {
            return self.planned.remove(place).unwrap().1;
        }
        let mut way = || random.millis(1, 8) + Duration::from_millis(self.latency);
        let mut fate = Fate::good(way(), way());
        if !random.per_mille(self.per_mille) {
            return fate;
        }
        let loss = random.pick(&[Loss::Hang, Loss::Hang, Loss::Reset, Loss::Truncated]);
        let fault = random.weighted(&self.faults);
        match fault {
            Fault::Slow => {
                fate.there = random.millis(1, 3000);
                fate.back = random.millis(1, 3000);
            }
            Fault::Refused => fate = Fate::refused(),
            Fault::DropRequest => fate = Fate::dropped(loss),
            Fault::DropReply => fate.loss = Some(loss),
            Fault::Late => {
                fate.there = random.millis(100, 12_000);
                fate.loss = Some(Loss::Hang);
            }
            Fault::Unauthorized => fate = Fate::code(401),
            Fault::Forbidden => fate = Fate::code(403),
            Fault::Conflict if matches!(seen.call, Call::Replace(..) | Call::Delete { .. }) => fate = Fate::code(409),
            Fault::TooManyRequests => fate = Fate::code(429),
            Fault::Invalid if matches!(seen.call, Call::Replace(..)) => fate = Fate::code(422),
            // Not a creation: one that comes again after a deletion cannot be told from the first.
            Fault::Twice if seen.call.is_write() && !matches!(seen.call, Call::Create(_)) => {
                fate.again = Some(random.millis(0, 8000));
            }
            Fault::Conflict | Fault::Invalid | Fault::Twice => return fate,
            Fault::ServerErrorBefore => fate = Fate::code(random.pick(&[500, 503, 504])),
            Fault::ServerErrorAfter => fate.code = Some(random.pick(&[500, 503, 504])),
        }
        fate.fault = Some(fault.name());
        fate
    }
}
