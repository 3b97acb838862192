//! Panics of libraries that become errors.

use std::{
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

/// What `work` returns, or its panic, of which nothing is printed.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CATCHES.get() {
                return usual(info);
            }
            let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
            let text = info.payload().downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| info.payload().downcast_ref::<String>().cloned());
            CAUGHT.set(Some(Panic {
                place: shortened(&place.unwrap_or_default()),
                what: text.unwrap_or_else(|| "a panic without a message".into()),
            }));
        }));
    });
    let outer = CATCHES.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(outer);
    result.map_err(|_| CAUGHT.take().unwrap_or_default())
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
        assert_eq!(
            shortened("/home/x/.cargo/registry/src/index-1/zip-7.4.0/src/read.rs:9"),
            "index-1/zip-7.4.0/src/read.rs:9"
        );
    }
}
