//! Panics of libraries that become errors.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

/// A panic that was caught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panic {
    /// File and line of the code.
    pub place: String,
    /// Its message.
    pub what: String,
}

thread_local! {
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// What `work` returns, or its panic, of which nothing is printed unless it was that of another thread: there the
/// usual hook has printed it, and its place is not known.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CATCHES.get() {
                return usual(info);
            }
            let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
            CAUGHT.set(Some(Panic {
                place: shortened(&place.unwrap_or_default()),
                what: message(info.payload()),
            }));
        }));
    });
    // Earlier work that caught a panic itself has left its message.
    CAUGHT.set(None);
    let outer = CATCHES.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(outer);
    result.map_err(|payload| {
        let of_another_thread = || Panic { place: String::new(), what: message(&*payload) };
        CAUGHT.take().unwrap_or_else(of_another_thread)
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".into())
}

/// A path of the code without the machine it was compiled on.
fn shortened(place: &str) -> String {
    let start = ["/registry/src/", "/rustlib/src/rust/"]
        .iter()
        .find_map(|folder| place.find(folder).map(|at| at + folder.len()));
    place[start.unwrap_or(0)..].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_its_place_and_one_inside_another_too() {
        let panic = caught(|| -> u8 { panic!("so {}", 1) }).unwrap_err();
        assert!(panic.place.contains("panics.rs:") && panic.what == "so 1", "{panic:?}");
        assert_eq!(caught(|| 5), Ok(5));
        let outer = caught(|| -> u8 {
            assert_eq!(caught(|| -> u8 { panic!("inner") }).unwrap_err().what, "inner");
            panic!("outer")
        });
        assert_eq!(outer.unwrap_err().what, "outer");
        // One that the work catches itself leaves a message that nobody takes.
        let own = caught(|| panic::catch_unwind(|| -> u8 { panic!("inner") }).is_err());
        assert_eq!(own, Ok(true));
        // As rayon hands on the panic of a thread of its pool.
        let other = std::thread::spawn(|| panic!("other")).join().unwrap_err();
        let resumed = caught(|| -> u8 { panic::resume_unwind(other) });
        assert_eq!(resumed.unwrap_err().what, "other");
        assert_eq!(
            shortened("/home/x/.cargo/registry/src/index-1/zip-7.4.0/src/read.rs:9"),
            "index-1/zip-7.4.0/src/read.rs:9"
        );
    }
}
