//! Objects that Java knows by a number.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::{ErrorCode, HaError};

/// From the lowest bit: index, generation, kind. The highest bit stays zero.
const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 32;

/// What a handle stands for. A handle of one kind is never taken for another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Session = 1,
    ConfigMap = 2,
    Storage = 3,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ConfigMap => "ConfigMap",
            Self::Storage => "storage",
        }
    }
}

/// The open objects of one kind.
///
/// A handle is an index, a number of the generation and the kind, and never an address: whatever number Java passes, it ends in an
/// object of the right kind or in an error. A call in flight holds its object while another removes it from the table.
pub(super) struct HandleTable<T> {
    kind: Kind,
    slots: RwLock<Slots<T>>,
}

struct Slots<T> {
    used: Vec<Option<Slot<T>>>,
    free: Vec<usize>,
    generations: Option<Generations>,
}

struct Slot<T> {
    generation: u32,
    object: Arc<T>,
}

/// Handles given out by a table, counted from a number that another copy of the library will not have begun with.
#[derive(Clone, Copy)]
struct Generations {
    first: u32,
    next: u32,
}

impl Generations {
    fn random() -> Self {
        let random = RandomState::new().hash_one(std::process::id());
        // Half of a random number is as random.
        #[expect(clippy::cast_possible_truncation)]
        let first = random as u32;
        Self { first, next: first }
    }

    fn given_out(self, generation: u32) -> bool {
        generation.wrapping_sub(self.first) < self.next.wrapping_sub(self.first)
    }
}

impl<T> HandleTable<T> {
    /// An empty table.
    pub(super) const fn new(kind: Kind) -> Self {
        let slots = Slots {
            used: Vec::new(),
            free: Vec::new(),
            generations: None,
        };
        Self {
            kind,
            slots: RwLock::new(slots),
        }
    }

    /// Takes an object in and returns its handle, which is positive.
    pub(super) fn insert(&self, object: T) -> Result<i64, HaError> {
        let mut slots = self.write();
        let index = slots.free.pop().unwrap_or(slots.used.len());
        if index >> INDEX_BITS != 0 {
            let message = format!("Too many objects of the kind {} are open.", self.kind.name());
            return Err(HaError::new(ErrorCode::Internal, message));
        }
        let generations = slots.generations.get_or_insert_with(Generations::random);
        let generation = generations.next;
        generations.next = generation.wrapping_add(1);
        let slot = Some(Slot {
            generation,
            object: Arc::new(object),
        });
        match slots.used.get_mut(index) {
            Some(free) => *free = slot,
            None => slots.used.push(slot),
        }
        Ok(self.handle(index, generation))
    }

    /// The object of a handle.
    pub(super) fn get(&self, handle: i64) -> Result<Arc<T>, HaError> {
        let (index, generation) = self.parts(handle)?;
        let slots = self.read();
        let slot = slots.used.get(index).and_then(Option::as_ref);
        match slot.filter(|slot| slot.generation == generation) {
            Some(slot) => Ok(Arc::clone(&slot.object)),
            None => Err(self.missing(&slots, handle, generation)),
        }
    }

    /// Calls a function with each object. It must not come back to the table.
    pub(super) fn for_each(&self, call: impl Fn(&T)) {
        self.read().used.iter().flatten().for_each(|slot| call(&slot.object));
    }

    /// Takes the object of a handle out. Calls in flight keep theirs.
    pub(super) fn remove(&self, handle: i64) -> Result<Arc<T>, HaError> {
        let (index, generation) = self.parts(handle)?;
        let mut slots = self.write();
        let slot = slots.used.get_mut(index);
        match slot.and_then(|slot| slot.take_if(|slot| slot.generation == generation)) {
            Some(slot) => {
                slots.free.push(index);
                Ok(slot.object)
            }
            None => Err(self.missing(&slots, handle, generation)),
        }
    }

    /// Takes the object of a handle out, if it is still there.
    pub(super) fn close(&self, handle: i64) -> Result<(), HaError> {
        match self.remove(handle) {
            Err(error) if error.code != ErrorCode::Closed => Err(error),
            _ => Ok(()),
        }
    }

    fn handle(&self, index: usize, generation: u32) -> i64 {
        // Both fit: the index was checked when it was taken, and the kind is small.
        let index = i64::try_from(index).unwrap_or_default();
        (self.kind as i64) << (INDEX_BITS + GENERATION_BITS) | i64::from(generation) << INDEX_BITS | index
    }

    fn parts(&self, handle: i64) -> Result<(usize, u32), HaError> {
        let index = usize::try_from(handle & ((1 << INDEX_BITS) - 1)).ok();
        let generation = u32::try_from(handle >> INDEX_BITS & i64::from(u32::MAX)).ok();
        match (index, generation) {
            (Some(index), Some(generation)) if self.handle(index, generation) == handle => Ok((index, generation)),
            _ => Err(self.bad(handle)),
        }
    }

    fn missing(&self, slots: &Slots<T>, handle: i64, generation: u32) -> HaError {
        if slots
            .generations
            .is_some_and(|generations| generations.given_out(generation))
        {
            return HaError::new(ErrorCode::Closed, format!("The {} is closed.", self.kind.name()));
        }
        self.bad(handle)
    }

    fn bad(&self, handle: i64) -> HaError {
        let message = format!("{handle:#x} is not the handle of a {}.", self.kind.name());
        HaError::new(ErrorCode::BadHandle, message)
    }

    fn read(&self) -> RwLockReadGuard<'_, Slots<T>> {
        // Nothing panics between two changes that belong together.
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slots<T>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn code<T>(result: Result<Arc<T>, HaError>) -> ErrorCode {
        result.err().unwrap().code
    }

    #[test]
    fn an_object_is_found_until_it_is_removed() {
        let table = HandleTable::new(Kind::Storage);
        let (a, b) = (table.insert("a").unwrap(), table.insert("b").unwrap());
        assert!(a > 0 && b > 0 && a != b);
        assert_eq!((*table.get(a).unwrap(), *table.get(b).unwrap()), ("a", "b"));
        let in_flight = table.get(a).unwrap();
        assert_eq!(*table.remove(a).unwrap(), "a");
        assert_eq!(*in_flight, "a");
        assert_eq!(code(table.get(a)), ErrorCode::Closed);
        assert_eq!(code(table.remove(a)), ErrorCode::Closed);
        assert_eq!(table.close(a), Ok(()));
        assert_eq!(table.close(b), Ok(()));
        assert_eq!(code(table.get(b)), ErrorCode::Closed);
    }

    #[test]
    fn a_slot_is_used_again_under_another_handle() {
        let table = HandleTable::new(Kind::Session);
        let mut former = Vec::new();
        for round in 0..1_000 {
            let handle = table.insert(round).unwrap();
            assert_eq!(*table.remove(handle).unwrap(), round);
            former.push(handle);
        }
        assert_eq!(table.read().used.len(), 1);
        table.insert(1_000).unwrap();
        for handle in former {
            assert_eq!(code(table.get(handle)), ErrorCode::Closed);
        }
    }

    #[test]
    fn a_number_that_is_no_handle_is_told_from_one_that_was() {
        let table = HandleTable::new(Kind::ConfigMap);
        for number in [0, 1, -1, i64::MIN, i64::MAX, 0x0200_0000_0000_0000] {
            assert_eq!(code(table.get(number)), ErrorCode::BadHandle);
        }
        let handle = table.insert(()).unwrap();
        let next_generation = handle + (1 << INDEX_BITS);
        for number in [handle | i64::MIN, handle ^ 1 << 56, next_generation, 0, -handle] {
            assert_eq!(code(table.get(number)), ErrorCode::BadHandle, "{number:#x}");
            assert_eq!(table.close(number).unwrap_err().code, ErrorCode::BadHandle);
        }
        assert!(table.get(handle).is_ok());
    }

    #[test]
    fn handles_of_another_kind_or_another_library_are_refused() {
        let storages = HandleTable::new(Kind::Storage);
        let handle = storages.insert(()).unwrap();
        let sessions: HandleTable<()> = HandleTable::new(Kind::Session);
        sessions.insert(()).unwrap();
        assert_eq!(code(sessions.get(handle)), ErrorCode::BadHandle);
        // As of a copy that another class loader has: with the same number of objects, one in four billion would fit.
        let other = HandleTable::new(Kind::Storage);
        other.insert(()).unwrap();
        assert_eq!(code(other.get(handle)), ErrorCode::BadHandle);
    }

    #[test]
    fn generations_go_round() {
        let table = HandleTable::new(Kind::Storage);
        table.write().generations = Some(Generations {
            first: u32::MAX,
            next: u32::MAX,
        });
        let handles = [(); 3].map(|()| table.insert(()).unwrap());
        assert!(handles.iter().all(|handle| table.get(*handle).is_ok()));
        for handle in handles {
            table.remove(handle).unwrap();
            assert_eq!(code(table.get(handle)), ErrorCode::Closed);
        }
    }

    #[test]
    fn many_threads_share_a_table() {
        let table = HandleTable::new(Kind::Storage);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..1_000 {
                        let handle = table.insert((thread, round)).unwrap();
                        assert_eq!(*table.get(handle).unwrap(), (thread, round));
                        table.remove(handle).unwrap();
                    }
                });
            }
        });
        assert!(table.read().used.len() <= 4);
    }
}
