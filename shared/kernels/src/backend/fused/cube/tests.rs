//! Each kernel has the numbers of the plain composition on the processor. Without a GPU, wgpu has Mesa's software driver.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // A law that cannot be checked has failed, or says so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::{
    Tensor, TensorData, TensorPrimitive,
    ops::{FloatTensor, FloatTensorOps},
};
use burn_flex::Flex;

use crate::{
    backend::{AdagradStep, AdamStep, Backend, fused},
    device::Device,
    noise::{Noise, Stream, uniform},
    operation::{Activation, Cell},
};

#[cfg(feature = "cuda")]
type Gpu = crate::backend::Cuda;
#[cfg(not(feature = "cuda"))]
type Gpu = crate::backend::Wgpu;

/// The GPU's name in Burn, if there is one here.
fn gpu() -> Option<burn::tensor::Device<Gpu>> {
    let device = if cfg!(feature = "cuda") { Device::Cuda(0) } else { Device::Wgpu(0) };
    if let Err(reason) = device.check() {
        eprintln!("skipped: {reason}");
        return None;
    }
    #[cfg(feature = "cuda")]
    return Some(crate::backend::CudaDevice::new(0));
    #[cfg(not(feature = "cuda"))]
    Some(crate::device::adapter(0))
}

/// Numbers in (-2, 2), `[rows, columns]`.
fn numbers(rows: usize, columns: usize, seed: u64) -> TensorData {
    let mut draw = Noise::new(seed).generator(Stream::Generate, 0, 0);
    let values = (0..rows * columns).map(|_| 4.0 * uniform(&mut draw) - 2.0);
    TensorData::new(values.collect::<Vec<f32>>(), [rows, columns])
}

fn tensor<B: Backend>(data: &TensorData, device: &burn::tensor::Device<B>) -> FloatTensor<B> {
    let shape = data.shape.clone();
    let flat = TensorData::new(data.to_vec::<f32>().unwrap(), [shape.num_elements()]);
    let flat = Tensor::<B, 1>::from_data(flat, device).into_primitive().tensor();
    B::float_reshape(flat, shape)
}

fn values<B: Backend>(found: FloatTensor<B>) -> Vec<f32> {
    let shape = burn::tensor::TensorMetadata::shape(&found);
    let flat = B::float_reshape(found, [shape.num_elements()].into());
    Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(flat)).into_data().to_vec().unwrap()
}

/// Both ways of one operation on these inputs, to that part of a number above 1.
fn agree_to(
    tolerance: f32,
    name: &str,
    inputs: &[TensorData],
    plain: impl Fn(Vec<FloatTensor<Flex>>) -> Vec<FloatTensor<Flex>>,
    fast: impl Fn(Vec<FloatTensor<Gpu>>) -> Vec<FloatTensor<Gpu>>,
) {
    let Some(device) = gpu() else { return };
    let plain =
        plain(inputs.iter().map(|data| tensor::<Flex>(data, &Default::default())).collect());
    let fast = fast(inputs.iter().map(|data| tensor::<Gpu>(data, &device)).collect());
    assert_eq!(plain.len(), fast.len());
    for (index, (plain, fast)) in plain.into_iter().zip(fast).enumerate() {
        let (plain, fast) = (values::<Flex>(plain), values::<Gpu>(fast));
        assert_eq!(plain.len(), fast.len(), "{name} {index}");
        for (at, (one, other)) in plain.iter().zip(&fast).enumerate() {
            let apart = (one - other).abs() / one.abs().max(1.0);
            assert!(apart < tolerance, "{name} {index} [{at}]: {one} and {other}");
        }
    }
}

fn agrees(
    name: &str,
    inputs: &[TensorData],
    plain: impl Fn(Vec<FloatTensor<Flex>>) -> Vec<FloatTensor<Flex>>,
    fast: impl Fn(Vec<FloatTensor<Gpu>>) -> Vec<FloatTensor<Gpu>>,
) {
    agree_to(2e-5, name, inputs, plain, fast);
}

fn all<T: std::fmt::Debug, const N: usize>(list: Vec<T>) -> [T; N] {
    list.try_into().unwrap()
}

#[test]
fn products_of_all_shapes_in_single_precision() {
    let sizes = [
        (128, 784, 400),
        (20, 784, 400),
        (400, 20, 784),
        (100, 1000, 500),
        (1, 30, 40),
        (40, 30, 1),
        (1, 5, 1),
        (7, 1, 9),
        (3, 3, 3),
        (64, 1200, 10),
        (257, 131, 67),
    ];
    for (m, k, n) in sizes {
        // Of single precision; matrix units in TF32 are a hundred times as far apart.
        let tolerance = 1e-5 * (k as f32).sqrt();
        let inputs = [numbers(m, k, 1), numbers(k, n, 2)];
        agree_to(
            tolerance,
            &format!("{m} x {k} x {n}"),
            &inputs,
            |list| {
                let [a, b] = all(list);
                vec![Flex::product(a, b)]
            },
            |list| {
                let [a, b] = all(list);
                vec![Gpu::product(a, b)]
            },
        );
        // As in a backward pass: one of them is the transpose of what lies in memory.
        let inputs = [numbers(k, m, 1), numbers(n, k, 2)];
        agree_to(
            tolerance,
            &format!("transposes, {m} x {k} x {n}"),
            &inputs,
            |list| {
                let [a, b] = all(list);
                vec![Flex::product(Flex::float_transpose(a), Flex::float_transpose(b))]
            },
            |list| {
                let [a, b] = all(list);
                vec![Gpu::product(Gpu::float_transpose(a), Gpu::float_transpose(b))]
            },
        );
    }
}

#[test]
fn layers() {
    for f in Activation::ALL {
        let inputs = [numbers(33, 20, 1), numbers(20, 17, 2), numbers(1, 17, 3)];
        agrees(
            &format!("{f:?}"),
            &inputs,
            |list| {
                let [x, w, b] = all(list);
                let b = Flex::float_reshape(b, [17].into());
                vec![fused::dense_composed::<Flex>(x, w, b, f)]
            },
            |list| {
                let [x, w, b] = all(list);
                let b = Gpu::float_reshape(b, [17].into());
                vec![Gpu::dense(x, w, b, f)]
            },
        );
        agrees(
            &format!("gradient of {f:?}"),
            &[numbers(33, 17, 4), numbers(33, 17, 5)],
            |list| {
                let [y, g] = all(list);
                let (a, b) = fused::dense_gradient_composed::<Flex>(y, g, f);
                vec![a, b]
            },
            |list| {
                let [y, g] = all(list);
                let (a, b) = Gpu::dense_gradient(y, g, f);
                vec![a, b]
            },
        );
    }
}

#[test]
fn totals() {
    for (rows, columns) in [(1, 1), (300, 70), (1, 5000)] {
        agree_to(
            2e-4,
            "total",
            &[numbers(rows, columns, 1)],
            |list| vec![Flex::total(all::<_, 1>(list)[0].clone())],
            |list| vec![Gpu::total(all::<_, 1>(list)[0].clone())],
        );
    }
}

#[test]
fn optimisers() {
    let inputs = |count| (0..count).map(|seed| numbers(19, 7, seed)).collect::<Vec<_>>();
    let square = |data: TensorData| {
        let shape = data.shape.clone();
        TensorData::new(
            data.to_vec::<f32>().unwrap().iter().map(|x| x * x).collect::<Vec<f32>>(),
            shape,
        )
    };
    let mut four = inputs(4);
    four[3] = square(four[3].clone());
    let step = AdamStep::new(0.01, 0.9, 0.999, 1e-8, 3);
    agrees(
        "Adam",
        &four,
        |list| {
            let [w, g, m, v] = all(list);
            let (a, b, c) = fused::adam_composed::<Flex>(step, w, g, m, v);
            vec![a, b, c]
        },
        |list| {
            let [w, g, m, v] = all(list);
            let (a, b, c) = Gpu::adam(step, w, g, m, v);
            vec![a, b, c]
        },
    );
    let mut three = inputs(3);
    three[2] = square(three[2].clone());
    let step = AdagradStep { rate: 0.02, epsilon: 1e-6, weight_decay: 0.1 };
    agrees(
        "Adagrad",
        &three,
        |list| {
            let [w, g, s] = all(list);
            let (a, b) = fused::adagrad_composed::<Flex>(step, w, g, s);
            vec![a, b]
        },
        |list| {
            let [w, g, s] = all(list);
            let (a, b) = Gpu::adagrad(step, w, g, s);
            vec![a, b]
        },
    );
    agrees(
        "average",
        &inputs(2),
        |list| {
            let [a, b] = all(list);
            vec![fused::approach_composed::<Flex>(a, b, 0.3)]
        },
        |list| {
            let [a, b] = all(list);
            vec![Gpu::approach(a, b, 0.3)]
        },
    );
}

#[test]
fn bernoulli_pixels() {
    for rows in [1, 9] {
        let inputs = [numbers(9, 30, 1), numbers(rows, 30, 2), numbers(1, 9, 3)];
        agrees(
            "log p",
            &inputs[..2],
            |list| {
                let [l, x] = all(list);
                vec![fused::bernoulli_log_prob_composed::<Flex>(l, x)]
            },
            |list| {
                let [l, x] = all(list);
                vec![Gpu::bernoulli_log_prob(l, x)]
            },
        );
        agrees(
            "its gradient",
            &inputs,
            |list| {
                let [l, x, g] = all(list);
                let g = Flex::float_reshape(g, [9].into());
                vec![fused::bernoulli_gradient_composed::<Flex>(l, x, g)]
            },
            |list| {
                let [l, x, g] = all(list);
                let g = Gpu::float_reshape(g, [9].into());
                vec![Gpu::bernoulli_gradient(l, x, g)]
            },
        );
    }
}

#[test]
fn the_ladders_operations() {
    for groups in [&[12][..], &[5, 7]] {
        agrees(
            "normalise",
            &[numbers(12, 6, 1)],
            |list| {
                let [x] = all(list);
                let (a, b) = fused::normalise_composed::<Flex>(x, groups);
                vec![a, b]
            },
            |list| {
                let [x] = all(list);
                let (a, b) = Gpu::normalise(x, groups);
                vec![a, b]
            },
        );
        agrees(
            "its gradient",
            &[numbers(12, 6, 1), numbers(groups.len(), 6, 2), numbers(12, 6, 3)],
            |list| {
                let [z, i, g] = all(list);
                vec![fused::normalise_gradient_composed::<Flex>(z, i, g, groups)]
            },
            |list| {
                let [z, i, g] = all(list);
                vec![Gpu::normalise_gradient(z, i, g, groups)]
            },
        );
    }
    let inputs = [numbers(8, 5, 1), numbers(8, 5, 2), numbers(10, 5, 3), numbers(8, 5, 4)];
    agrees(
        "combine",
        &inputs[..3],
        |list| {
            let [z, u, a] = all(list);
            vec![fused::combine_composed::<Flex>(z, u, a)]
        },
        |list| {
            let [z, u, a] = all(list);
            vec![Gpu::combine(z, u, a)]
        },
    );
    agrees(
        "its gradient",
        &inputs,
        |list| {
            let [z, u, a, g] = all(list);
            fused::combine_gradient_composed::<Flex>(z, u, a, g).into()
        },
        |list| {
            let [z, u, a, g] = all(list);
            Gpu::combine_gradient(z, u, a, g).into()
        },
    );
}

#[test]
fn recurrent_cells() {
    for cell in [Cell::Gru, Cell::Lstm] {
        let (sums, state) = (6 * cell.gates(), 6 * cell.state_parts());
        agrees(
            &format!("{cell:?}"),
            &[numbers(4, sums, 1), numbers(4, sums, 2), numbers(4, state, 3)],
            |list| {
                let [a, b, s] = all(list);
                let (s, g) = fused::recur_composed::<Flex>(cell, a, b, s);
                vec![s, g]
            },
            |list| {
                let [a, b, s] = all(list);
                let (s, g) = Gpu::recur(cell, a, b, s);
                vec![s, g]
            },
        );
        let inputs = [sums, sums, state, state, state];
        let inputs: Vec<TensorData> = inputs
            .iter()
            .enumerate()
            .map(|(seed, columns)| numbers(4, *columns, seed as u64))
            .collect();
        agrees(
            &format!("gradient of {cell:?}"),
            &inputs,
            |list| {
                let [g, h, b, a, d] = all(list);
                fused::recur_gradient_composed::<Flex>(cell, g, h, b, a, d).into()
            },
            |list| {
                let [g, h, b, a, d] = all(list);
                Gpu::recur_gradient(cell, g, h, b, a, d).into()
            },
        );
    }
}

/// The steps of a matrix are views of it: of sizes at which a card can read them in place, and not.
#[test]
fn recurrences() {
    fn found<B: Backend>(cell: Cell, list: Vec<FloatTensor<B>>) -> Vec<FloatTensor<B>> {
        let [input, weight, bias, start, gradient] = all(list);
        let width = burn::tensor::TensorMetadata::shape(&bias).num_elements();
        let bias = B::float_reshape(bias, [width].into());
        let states = B::unroll(cell, input.clone(), weight.clone(), bias.clone(), start.clone());
        let kept = B::unroll_keeping(cell, input, weight.clone(), bias, start);
        let mut all: Vec<_> = B::unroll_gradient(cell, weight, kept.clone(), gradient).into();
        // A vector, as the others are matrices.
        all[2] = B::float_reshape(all[2].clone(), [1, width].into());
        all.extend([states]);
        all.extend(kept);
        all
    }
    for cell in [Cell::Gru, Cell::Lstm] {
        for [steps, rows, width] in [[3, 3, 5], [2, 64, 64]] {
            let (wide, narrow) = (cell.gates() * width, cell.state_parts() * width);
            let sizes = [
                (steps * rows, wide),
                (width, wide),
                (1, wide),
                (rows, narrow),
                ((steps + 1) * rows, narrow),
            ];
            let inputs: Vec<TensorData> = (sizes.iter().zip(0..))
                .map(|(&(rows, columns), seed)| numbers(rows, columns, seed))
                .collect();
            let name = format!("{cell:?} through {steps} steps of {rows}");
            // Sums of sums, each of 64 numbers.
            agree_to(
                2e-4,
                &name,
                &inputs,
                |list| found::<Flex>(cell, list),
                |list| found::<Gpu>(cell, list),
            );
        }
    }
}

/// Sizes that do not fit are refused on the host: the kernels would read and write beyond their memory.
#[test]
fn sizes_that_do_not_fit_are_refused() {
    fn refused(name: &str, sizes: &[(usize, usize)], fast: impl Fn(Vec<FloatTensor<Gpu>>)) {
        let Some(device) = gpu() else { return };
        let of = |&(rows, columns)| tensor::<Gpu>(&numbers(rows, columns, 1), &device);
        let list: Vec<_> = sizes.iter().map(of).collect();
        assert!(catch_unwind(AssertUnwindSafe(|| fast(list))).is_err(), "{name}");
    }
    for groups in [&[8][..], &[2], &[2, 1]] {
        refused("groups of other sizes", &[(4, 3)], |list| {
            let [x] = all(list);
            Gpu::normalise(x, groups);
        });
        let sizes = [(4, 3), (groups.len(), 3), (4, 3)];
        refused("groups of other sizes, backwards", &sizes, |list| {
            let [z, inverse, g] = all(list);
            Gpu::normalise_gradient(z, inverse, g, groups);
        });
    }
    refused("a factor too few", &[(4, 3), (1, 3), (4, 3)], |list| {
        let [z, inverse, g] = all(list);
        Gpu::normalise_gradient(z, inverse, g, &[2, 2]);
    });
    for sizes in [[(4, 3), (2, 3), (10, 3)], [(4, 3), (4, 3), (10, 2)]] {
        refused("combine", &sizes, |list| {
            let [z, u, a] = all(list);
            Gpu::combine(z, u, a);
        });
        let sizes = [sizes[0], sizes[1], sizes[2], (4, 3)];
        refused("combine, backwards", &sizes, |list| {
            let [z, u, a, g] = all(list);
            Gpu::combine_gradient(z, u, a, g);
        });
    }
    for cell in [Cell::Gru, Cell::Lstm] {
        let (wide, narrow) = (2 * cell.gates(), 2 * cell.state_parts());
        for sizes in [
            [(4, wide), (4, wide), (3, narrow)],
            [(4, wide), (3, wide), (4, narrow)],
            [(4, wide + 1), (4, wide + 1), (4, narrow)],
        ] {
            refused("a step", &sizes, |list| {
                let [a, b, state] = all(list);
                Gpu::recur(cell, a, b, state);
            });
        }
        for short in 1..5 {
            let mut sizes = [(4, wide), (4, wide), (4, narrow), (4, narrow), (4, narrow)];
            sizes[short].0 = 3;
            refused("a step, backwards", &sizes, |list| {
                let [gates, hidden, before, after, g] = all(list);
                Gpu::recur_gradient(cell, gates, hidden, before, after, g);
            });
        }
    }
    let adam = AdamStep::new(0.01, 0.9, 0.999, 1e-8, 3);
    let adagrad = AdagradStep { rate: 0.02, epsilon: 1e-6, weight_decay: 0.1 };
    for short in 1..4 {
        let mut sizes = [(4, 3); 4];
        sizes[short].0 = 3;
        refused("Adam", &sizes, |list| {
            let [w, g, m, v] = all(list);
            Gpu::adam(adam, w, g, m, v);
        });
    }
    for sizes in [[(4, 3), (3, 3), (4, 3)], [(4, 3), (4, 3), (3, 3)]] {
        refused("Adagrad", &sizes, |list| {
            let [w, g, s] = all(list);
            Gpu::adagrad(adagrad, w, g, s);
        });
    }
    refused("average", &[(4, 3), (3, 3)], |list| {
        let [a, b] = all(list);
        Gpu::approach(a, b, 0.3);
    });
    for f in Activation::ALL {
        refused("bias", &[(4, 3), (1, 2)], |list| {
            let [x, b] = all(list);
            Gpu::activate(x, b, f);
        });
        refused("slope", &[(4, 3), (3, 3)], |list| {
            let [y, g] = all(list);
            Gpu::dense_gradient(y, g, f);
        });
    }
    refused("product", &[(4, 3), (2, 5)], |list| {
        let [a, b] = all(list);
        Gpu::product(a, b);
    });
    refused("pixels", &[(4, 3), (2, 3)], |list| {
        let [l, x] = all(list);
        Gpu::bernoulli_log_prob(l, x);
    });
    for sizes in [[(4, 3), (2, 3), (1, 4)], [(4, 3), (4, 3), (1, 3)]] {
        refused("pixels, backwards", &sizes, |list| {
            let [l, x, g] = all(list);
            Gpu::bernoulli_gradient(l, x, g);
        });
    }
}
