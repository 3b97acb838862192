//! The processor that is timed, what processes take of it, and other work that wants it too.

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use shared::run::processor;

/// Kind of a processor, since ratios depend on it.
pub(super) struct Kind {
    /// For people.
    vectors: &'static str,
    /// In the name of the record.
    pub(super) file: String,
}

/// That of this machine.
pub(super) fn kind() -> Kind {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = |key: &str| info.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    let (vectors, file) = match line("flags") {
        flags if flags.contains("avx512f") => ("AVX-512", "avx512"),
        flags if flags.contains("avx2") => ("AVX2", "avx2"),
        _ => ("no AVX2", "other"),
    };
    let vendor = match line("vendor_id") {
        vendor if vendor.contains("AMD") => "-amd",
        vendor if vendor.contains("Intel") => "-intel",
        _ => "",
    };
    Kind { vectors, file: format!("{file}{vendor}") }
}

/// Processor and its vector instructions, as Linux describes them. Servers in a cloud have names in common: family and
/// model tell them apart.
pub(super) fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let number = |key: &str| {
        let mut values = info.lines().filter_map(|line| line.split_once(':'));
        values.find(|(found, _)| found.trim() == key).map(|(_, value)| value.trim().to_owned())
    };
    let family = number("cpu family").zip(number("model"));
    let family = family.map(|(family, model)| format!(" (family {family}, model {model})"));
    let (name, vectors) = (processor(), kind().vectors);
    format!("{name}{}, {cores} cores, {vectors}", family.unwrap_or_default())
}

/// Seconds of processor that all threads of a process have had, as Linux counts them, in hundredths.
pub(super) fn processor_seconds(process: u32) -> Option<f64> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// The most memory that a process has held, where Linux tells.
pub(super) fn peak_megabytes(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1.024 / 1000.0)
}

/// Threads that compute nothing in particular until this is dropped.
pub(super) struct Busy(Arc<AtomicBool>);

impl Busy {
    /// So many.
    ///
    /// # Errors
    /// If there are too many for the system.
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let busy = Self(Arc::new(AtomicBool::new(false)));
        for _ in 0..threads {
            let is_over = busy.0.clone();
            thread::Builder::new().spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })?;
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
