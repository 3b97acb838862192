//! Choice of device: `--device flex|ndarray|cuda[:N]|wgpu[:N]`.

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
    /// burn-wgpu on this adapter of the system's graphics interface, GPUs first.
    Wgpu(usize),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("flex"),
            Self::NdArray => f.write_str("ndarray"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Wgpu(index) => write!(f, "wgpu:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index)),
            None => (text, None),
        };
        let number = || match index.map(str::parse) {
            None => Ok(0),
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(format!("{text}: no GPU number: write {name} or {name}:0")),
        };
        match (name, index) {
            ("flex", None) => Ok(Self::Flex),
            ("ndarray", None) => Ok(Self::NdArray),
            ("cuda", _) => number().map(Self::Cuda),
            ("wgpu", _) => number().map(Self::Wgpu),
            _ => Err("choose flex, ndarray, cuda[:N] or wgpu[:N]".into()),
        }
    }
}

impl Device {
    /// The best of those compiled in and present.
    ///
    /// # Errors
    /// If this program was built without any.
    pub fn best() -> Result<Self, String> {
        [Self::Cuda(0), Self::Flex, Self::NdArray, Self::Wgpu(0)]
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
            Self::Wgpu(index) => wgpu::check(index),
        }
    }

    /// What identifies the numerics of the device in a record.
    pub fn backend(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Cuda(_) => "cuda",
            Self::Wgpu(_) => "wgpu",
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

#[cfg(not(feature = "wgpu"))]
mod wgpu {
    pub(super) fn check(_index: usize) -> Result<(), String> {
        Err("this program was built without wgpu: build it with --features wgpu".into())
    }
}

#[cfg(feature = "wgpu")]
mod wgpu {
    //! Burn counts the adapters of each kind for itself and panics where there is none of the kind asked for.

    use burn_wgpu::{
        WgpuDevice,
        graphics::{AutoGraphicsApi, GraphicsApi},
    };
    use wgpu::{DeviceType, Instance, InstanceDescriptor};

    pub(super) fn check(index: usize) -> Result<(), String> {
        let (count, hint) = (adapters().len(), "--device flex computes on the processor");
        match count {
            0 => Err(format!("no adapter for wgpu: is a driver installed? {hint}")),
            _ if index >= count => {
                Err(format!("there is no adapter {index}: this machine has {count}; {hint}"))
            }
            _ => Ok(()),
        }
    }

    /// Burn's name for an adapter; its default where there is none of this number.
    pub(super) fn named(index: usize) -> WgpuDevice {
        let adapters = adapters();
        let Some(&kind) = adapters.get(index) else { return WgpuDevice::default() };
        let of_its_kind = adapters[..index].iter().filter(|&&other| other == kind).count();
        match kind {
            DeviceType::DiscreteGpu => WgpuDevice::DiscreteGpu(of_its_kind),
            DeviceType::IntegratedGpu => WgpuDevice::IntegratedGpu(of_its_kind),
            DeviceType::VirtualGpu => WgpuDevice::VirtualGpu(of_its_kind),
            DeviceType::Cpu => WgpuDevice::Cpu,
            DeviceType::Other => WgpuDevice::default(),
        }
    }

    /// The kinds of the system's adapters, GPUs first.
    fn adapters() -> Vec<DeviceType> {
        let backends = AutoGraphicsApi::backend().into();
        let descriptor =
            InstanceDescriptor { backends, ..InstanceDescriptor::new_without_display_handle() };
        let found = pollster::block_on(Instance::new(descriptor).enumerate_adapters(backends));
        let mut kinds: Vec<DeviceType> =
            found.iter().map(|adapter| adapter.get_info().device_type).collect();
        kinds.sort_by_key(|kind| match kind {
            DeviceType::DiscreteGpu => 0,
            DeviceType::IntegratedGpu => 1,
            DeviceType::VirtualGpu => 2,
            DeviceType::Cpu => 3,
            DeviceType::Other => 4,
        });
        kinds
    }
}

/// Burn's name for an adapter of wgpu.
#[cfg(feature = "wgpu")]
pub fn adapter(index: usize) -> crate::backend::WgpuDevice {
    wgpu::named(index)
}

/// Evaluates `$body` with the type `$B` and the value `$handle` of the chosen device's backend, among those that the
/// calling crate has as features too. That crate needs `anyhow`: its `bail!` ends the calling function where the backend
/// is not compiled in.
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
            #[cfg(feature = "wgpu")]
            $crate::device::Device::Wgpu(index) => {
                type $B = $crate::backend::Wgpu;
                let $handle = $crate::device::adapter(index);
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
        assert_eq!("wgpu".parse(), Ok(Device::Wgpu(0)));
        assert_eq!("flex".parse(), Ok(Device::Flex));
        for bad in ["cuda:x", "wgpu:", "gpu", "flex:1", ""] {
            assert!(bad.parse::<Device>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_backend_that_is_not_compiled_in_names_its_feature() {
        let missing = [
            (Device::Flex, cfg!(feature = "flex"), "--features flex"),
            (Device::NdArray, cfg!(feature = "ndarray"), "--features ndarray"),
            (Device::Cuda(0), cfg!(feature = "cuda"), "--features cuda"),
            (Device::Wgpu(0), cfg!(feature = "wgpu"), "--features wgpu"),
        ];
        for (device, compiled_in, feature) in missing {
            if !compiled_in {
                assert!(device.check().unwrap_err().ends_with(feature), "{device}");
            }
        }
    }
}
