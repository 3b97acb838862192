//! Choice of device: `--device flex|ndarray|cuda[:N]`.

use std::{fmt, str::FromStr};

/// A device that computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// burn-flex on the processor.
    Flex,
    /// burn-ndarray on the processor.
    NdArray,
    /// burn-cuda on the GPU with this number.
    Cuda(usize),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("flex"),
            Self::NdArray => f.write_str("ndarray"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').map_or((text, None), |(name, index)| (name, Some(index))) {
            ("flex", None) => Ok(Self::Flex),
            ("ndarray", None) => Ok(Self::NdArray),
            ("cuda", None) => Ok(Self::Cuda(0)),
            ("cuda", Some(index)) => index
                .parse()
                .map(Self::Cuda)
                .map_err(|_| format!("'{index}' is not a GPU number: write cuda or cuda:0")),
            _ => Err("choose flex, ndarray or cuda[:N]".into()),
        }
    }
}

impl Device {
    /// The best of those compiled in and present.
    ///
    /// # Errors
    /// If this program was built without any.
    pub fn best() -> Result<Self, String> {
        [Self::Cuda(0), Self::Flex, Self::NdArray]
            .into_iter()
            .find(|device| device.check().is_ok())
            .ok_or_else(|| {
                "this program was built without a usable device: build it with --features flex"
                    .into()
            })
    }

    /// Whether this program, on this machine, can use the device.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn check(self) -> Result<(), String> {
        match self {
            Self::Flex if cfg!(feature = "flex") => Ok(()),
            Self::NdArray if cfg!(feature = "ndarray") => Ok(()),
            Self::Flex | Self::NdArray => Err(format!(
                "this program was built without {self}: build it with --features {self}"
            )),
            Self::Cuda(index) => cuda::check(index),
        }
    }

    /// What identifies the numerics of the device in a record.
    pub fn backend(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Cuda(_) => "cuda",
        }
    }
}

#[cfg(not(feature = "cuda"))]
mod cuda {
    pub(super) fn check(_index: usize) -> Result<(), String> {
        Err("this program was built without CUDA: build it with --features cuda".into())
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    //! Burn panics in a worker thread where there is no GPU; ask the driver first.
    #![allow(unsafe_code)]

    use std::ffi::c_int;

    pub(super) fn check(index: usize) -> Result<(), String> {
        let hint = "is an NVIDIA driver installed? --device flex computes on the processor";
        let count = count().map_err(|reason| format!("no CUDA device: {reason}; {hint}"))?;
        if index < count {
            return Ok(());
        }
        Err(format!("there is no GPU {index}: this machine has {count}; {hint}"))
    }

    fn count() -> Result<usize, String> {
        let library = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
        // SAFETY: loading the driver runs its initialisers, as any CUDA program does. The two
        // functions have the signatures of cuda.h, `cuInit(0)` precedes any other call, and the
        // count is written to a live c_int.
        unsafe {
            let driver = libloading::Library::new(library).map_err(|e| e.to_string())?;
            let init: libloading::Symbol<'_, unsafe extern "C" fn(u32) -> c_int> =
                driver.get(b"cuInit\0").map_err(|e| e.to_string())?;
            let device_count: libloading::Symbol<'_, unsafe extern "C" fn(*mut c_int) -> c_int> =
                driver.get(b"cuDeviceGetCount\0").map_err(|e| e.to_string())?;
            let status = init(0);
            if status != 0 {
                return Err(format!("cuInit returned error {status}"));
            }
            let mut count: c_int = 0;
            let status = device_count(&raw mut count);
            if status != 0 {
                return Err(format!("cuDeviceGetCount returned error {status}"));
            }
            Ok(usize::try_from(count).unwrap_or(0))
        }
    }
}

/// Evaluates `$body` with the type `$B` and the value `$handle` of the chosen device's backend, among those that the
/// calling crate has as features too.
#[macro_export]
macro_rules! on_device {
    ($device:expr, |$B:ident, $handle:ident| $body:expr) => {
        match $device {
            #[cfg(feature = "flex")]
            $crate::device::Device::Flex => {
                type $B = $crate::backend::Flex;
                let $handle = $crate::backend::FlexDevice::default();
                $body
            }
            #[cfg(feature = "ndarray")]
            $crate::device::Device::NdArray => {
                type $B = $crate::backend::NdArray;
                let $handle = $crate::backend::NdArrayDevice::Cpu;
                $body
            }
            #[cfg(feature = "cuda")]
            $crate::device::Device::Cuda(index) => {
                type $B = $crate::backend::Cuda;
                let $handle = $crate::backend::CudaDevice::new(index);
                $body
            }
            #[allow(unreachable_patterns)]
            other => anyhow::bail!("this program was built without {other}"),
        }
    };
}

pub use crate::on_device;

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn names_are_read_and_others_refused() {
        assert_eq!("cuda:2".parse(), Ok(Device::Cuda(2)));
        assert_eq!("flex".parse(), Ok(Device::Flex));
        for bad in ["cuda:x", "gpu", "flex:1", ""] {
            assert!(bad.parse::<Device>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_backend_that_is_not_compiled_in_names_its_feature() {
        let missing = [
            (Device::Flex, cfg!(feature = "flex"), "--features flex"),
            (Device::NdArray, cfg!(feature = "ndarray"), "--features ndarray"),
            (Device::Cuda(0), cfg!(feature = "cuda"), "--features cuda"),
        ];
        for (device, compiled_in, feature) in missing {
            if !compiled_in {
                assert!(device.check().unwrap_err().ends_with(feature), "{device}");
            }
        }
    }
}
