//! The allocator of every program, which can say how much memory a piece of work takes.
//!
//! Fresh buffers are most of what a tensor library asks of an allocator, and page faults most of what
//! they cost: see docs/architecture.md, "Allocator". The count is two additions beside each call.

#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
    ptr,
};

use mimalloc::MiMalloc;

/// mimalloc, counted thread by thread.
pub(crate) struct Counting;

thread_local! {
    /// Bytes this thread has asked for and not given back; less than none where others' were freed.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most since a measurement began.
    static PEAK: Cell<isize> = const { Cell::new(0) };
    /// More is not given.
    static LIMIT: Cell<isize> = const { Cell::new(isize::MAX) };
}

/// What `work` returns, and the most bytes this thread held in it beyond what it held before.
///
/// Beyond `limit` bytes memory counts as used up, which ends the program, so that work that runs wild
/// does not take the machine along. What other threads take on behalf of `work` is not counted.
pub fn peak_of<T>(limit: usize, work: impl FnOnce() -> T) -> (T, usize) {
    struct Unlimited;
    impl Drop for Unlimited {
        fn drop(&mut self) {
            LIMIT.set(isize::MAX);
        }
    }
    let before = HELD.get();
    PEAK.set(before);
    LIMIT.set(before.saturating_add_unsigned(limit));
    let unlimited = Unlimited;
    let result = work();
    drop(unlimited);
    let peak = PEAK.get().wrapping_sub(before);
    (result, usize::try_from(peak).unwrap_or(0))
}

/// Notes that `bytes` more are held; false if they must not be given.
fn take(bytes: usize) -> bool {
    // A single object is never larger than isize::MAX bytes.
    let held = HELD.get().wrapping_add_unsigned(bytes);
    if held > LIMIT.get() {
        return false;
    }
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    true
}

fn give_back(bytes: usize) {
    HELD.set(HELD.get().wrapping_sub_unsigned(bytes));
}

/// The block, whose bytes were taken; they are given back if there is none.
fn given(block: *mut u8, bytes: usize) -> *mut u8 {
    if block.is_null() {
        give_back(bytes);
    }
    block
}

// SAFETY: every call is handed on to mimalloc as it came, or answered by null, which says that there is no
// memory. The counters are numbers of this thread without a destructor: they neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promises are those that are asked for here.
        given(unsafe { MiMalloc.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        given(unsafe { MiMalloc.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !take(size) {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        let moved = unsafe { MiMalloc.realloc(block, layout, size) };
        // The old block is freed, or the new one was not given.
        give_back(if moved.is_null() { size } else { layout.size() });
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn the_peak_is_what_is_held_at_once() {
        let (kept, peak) = peak_of(1 << 30, || {
            drop(black_box(vec![1u8; 300_000]));
            drop(black_box(vec![1u8; 200_000]));
            black_box(vec![1u8; 250_000])
        });
        assert_eq!(kept.len(), 250_000);
        assert!((300_000..301_000).contains(&peak), "{peak}");
    }

    #[test]
    fn a_block_that_grows_counts_once_and_what_was_there_before_not_at_all() {
        let mut before: Vec<u8> = vec![1; 1 << 20];
        let ((), peak) = peak_of(1 << 30, || {
            let mut grown = vec![0u8; 1000];
            grown.reserve_exact(9000);
            black_box(&grown);
            before = Vec::new();
        });
        // While a block moves, both are there.
        assert!((10_000..12_000).contains(&peak), "{peak}");
    }

    #[test]
    fn beyond_the_limit_there_is_no_memory() {
        let (refused, _) =
            peak_of(1 << 20, || Vec::<u8>::new().try_reserve_exact(2 << 20).is_err());
        assert!(refused);
        assert!(Vec::<u8>::new().try_reserve_exact(2 << 20).is_ok());
    }
}
