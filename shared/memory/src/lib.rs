//! How much memory there is, and how much a model takes: what does not fit is refused before it is made.

pub mod allocation;

use std::{fs, path::Path};

use kernels::nn::Outline;

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

/// Sets the memory, in gigabytes, where the estimate or the machine's own word is wrong.
const VARIABLE: &str = "AE_MEMORY_GB";

/// Where the system does not tell: more than what most machines have, so that only what is out of all
/// proportion is refused.
const UNKNOWN: u64 = 64 << 30;

/// Bytes of a number.
const NUMBER: u64 = 4;

/// What a step holds beside one pass of each example through all layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Passes of an example: samples of a bound, steps of a sequence.
    pub passes: u64,
    /// Further numbers, whatever the batch.
    pub numbers: u64,
}

impl Default for Needs {
    fn default() -> Self {
        Self { passes: 1, numbers: 0 }
    }
}

/// What is done with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Training steps.
    Training {
        /// Examples in a step.
        batch: u64,
        /// Numbers held for a parameter: weight, gradient, and what the optimiser and an average keep.
        copies: u64,
    },
    /// Loaded for computation only.
    Inference {
        /// Rows at once.
        rows: u64,
    },
}

/// Bytes that a model of this size takes, at least.
pub fn needed(outline: Outline, needs: Needs, of: Use) -> u64 {
    let (copies, outputs) = match of {
        // Outputs and their gradients.
        Use::Training { batch, copies } => {
            (copies, batch.saturating_mul(needs.passes).saturating_mul(2))
        }
        Use::Inference { rows } => (1, rows),
    };
    let parameters = outline.parameters.saturating_mul(copies);
    let outputs = outline.outputs.saturating_mul(outputs);
    parameters.saturating_add(outputs).saturating_add(needs.numbers).saturating_mul(NUMBER)
}

/// Bytes still available: as reported by the system, or less if the process is in a group with a
/// limit. `AE_MEMORY_GB` sets it.
///
/// # Errors
/// If `AE_MEMORY_GB` is set to something else than a number above 0.
pub fn available() -> Result<u64, String> {
    if let Some(set) = std::env::var_os(VARIABLE).filter(|set| !set.is_empty()) {
        let set = set.to_string_lossy();
        let gigabytes = set.trim().parse().ok().filter(|gigabytes: &f64| *gigabytes > 0.0);
        return gigabytes.map(|gigabytes| (gigabytes * 1e9) as u64).ok_or_else(|| {
            format!("{VARIABLE}={set}: set it to the gigabytes of memory there are, a number above 0, or not at all")
        });
    }
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| of_system(&text));
    let group = fs::read_to_string("/proc/self/cgroup").ok();
    let group = of_groups(Path::new("/sys/fs/cgroup"), group.as_deref().unwrap_or_default());
    Ok([system, group].into_iter().flatten().min().unwrap_or(UNKNOWN))
}

/// Refuses what does not fit into the memory that is available; `what` is the option or key that asks for so many bytes.
///
/// # Errors
/// What it is, the memory needed, and the memory available; if `AE_MEMORY_GB` is set to something else than a number.
pub fn refuse_beyond_available(what: &str, needed: u64) -> Result<(), String> {
    refuse_beyond(what, needed, available()?)
}

/// The same for a machine with this many bytes.
///
/// # Errors
/// What it is, the memory needed, and the memory available.
pub fn refuse_beyond(what: &str, needed: u64, limit: u64) -> Result<(), String> {
    if needed <= limit {
        return Ok(());
    }
    Err(format!(
        "{what} needs {} of memory at least, and {} are available: choose less, or a machine with more \
         ({VARIABLE} overrides what is available)",
        readable(needed),
        readable(limit)
    ))
}

/// MemAvailable of /proc/meminfo.
fn of_system(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least that a group of this process, or one above it, has left; `names` as /proc/self/cgroup has it.
fn of_groups(root: &Path, names: &str) -> Option<u64> {
    let folders = names.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, name) = rest.split_once(':')?;
        let name = name.trim_start_matches('/');
        match controllers {
            "" => Some((root.join(name), root.to_owned())),
            list if list.split(',').any(|c| c == "memory") => {
                Some((root.join("memory").join(name), root.join("memory")))
            }
            _ => None,
        }
    });
    let left = |folder: &Path| {
        let number =
            |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
        let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
        let used = number("memory.current").or_else(|| number("memory.usage_in_bytes"))?;
        // Files kept in memory give way.
        let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let files = statistics
            .lines()
            .find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse::<u64>().ok());
        // A limit of nearly 2^63 is none.
        (limit < 1 << 60).then(|| limit.saturating_sub(used.saturating_sub(files.unwrap_or(0))))
    };
    folders
        .flat_map(|(folder, root)| {
            // In a container the name may be one outside it: then the root is the group.
            let above = folder.ancestors().take_while(|above| above.starts_with(&root));
            above.filter_map(left).collect::<Vec<_>>()
        })
        .min()
}

/// Bytes in readable form: "1.5 GB".
pub fn readable(bytes: u64) -> String {
    let units = [("EB", 1e18), ("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let bytes = bytes as f64;
    match units.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", bytes / size),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_counts() {
        assert_eq!(of_system("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(of_system("MemTotal: 9 kB\n"), None);
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let write =
            |folder: &Path, file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
        assert_eq!(of_groups(root.path(), "0::/a/b\n"), None);
        write(&inner, "memory.max", "max\n");
        write(&inner, "memory.current", "1000\n");
        assert_eq!(of_groups(root.path(), "0::/a/b\n"), None);
        write(&root.path().join("a"), "memory.max", "5000\n");
        write(&root.path().join("a"), "memory.current", "3000\n");
        write(&root.path().join("a"), "memory.stat", "anon 1\ninactive_file 500\n");
        assert_eq!(of_groups(root.path(), "0::/a/b\n"), Some(2500));
        // Of the first version, and with a name that is not in this container.
        let first = root.path().join("memory");
        fs::create_dir(&first).unwrap();
        write(&first, "memory.limit_in_bytes", "700\n");
        write(&first, "memory.usage_in_bytes", "900\n");
        assert_eq!(of_groups(root.path(), "4:cpu:/x\n3:memory:/docker/1\n"), Some(0));
        write(&first, "memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(of_groups(root.path(), "3:memory:/docker/1\n"), None);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_option_that_asks_for_it() {
        let refused = |needed| refuse_beyond("--count 9", needed, 1_500_000_000);
        assert_eq!(refused(1_500_000_000), Ok(()));
        let said = "--count 9 needs 7.0 GB of memory at least, and 1.5 GB are available: choose less, or a machine with \
                    more (AE_MEMORY_GB overrides what is available)";
        assert_eq!(refused(7_040_000_000), Err(said.to_owned()));
        let vast = refuse_beyond_available("--count 9", u64::MAX);
        assert!(vast.unwrap_err().starts_with("--count 9 needs 18.4 EB"));
    }

    #[test]
    fn what_is_needed_never_overflows() {
        let outline = Outline { parameters: 1000, outputs: 10 };
        let training = needed(outline, Needs::default(), Use::Training { batch: 50, copies: 4 });
        assert_eq!(training, 4 * (4 * 1000 + 2 * 50 * 10));
        let inference = needed(outline, Needs::default(), Use::Inference { rows: 50 });
        assert_eq!(inference, 4 * (1000 + 50 * 10));
        let vast = Outline { parameters: u64::MAX, outputs: u64::MAX };
        assert_eq!(
            needed(vast, Needs { passes: 9, numbers: 9 }, Use::Training { batch: 9, copies: 4 }),
            u64::MAX
        );
        assert_eq!(readable(1_500_000_000), "1.5 GB");
        assert_eq!(readable(12), "12 bytes");
    }
}
