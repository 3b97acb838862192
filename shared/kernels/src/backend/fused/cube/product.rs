//! Products of matrices.

use burn_cubecl::{CubeRuntime, ops::numeric::empty_device_contiguous_dtype, tensor::CubeTensor};
use cubek::{
    matmul::{
        definition::{MatmulElems, MatmulGlobalElems},
        launch::{Strategy, launch_ref},
        routines::{BlueprintStrategy, TileSizeSelection, simple_unit::SimpleUnitSelectionArgs},
    },
    std::InputBinding,
};

/// a b in single precision. Burn's own product multiplies 10 of 23 bits on the matrix units (TF32), or what was
/// fastest in a trial, which takes minutes and differs from run to run.
#[allow(clippy::expect_used)] // The plain product takes every shape; Burn's own has no error to return either.
pub(crate) fn product_cube<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>) -> CubeTensor<R> {
    let (rows, columns) = (a.meta.shape()[0], b.meta.shape()[1]);
    // Its kernels take the number of terms from a alone.
    assert_eq!(a.meta.shape()[1], b.meta.shape()[0], "terms of a product");
    let dtype = a.dtype;
    let output = empty_device_contiguous_dtype(
        a.client.clone(),
        a.device.clone(),
        [rows, columns].into(),
        dtype,
    );
    let client = a.client.clone();
    let launch = |strategy: &Strategy| {
        let kind = MatmulGlobalElems { lhs: dtype.into(), rhs: dtype.into(), out: dtype.into() };
        launch_ref(
            strategy,
            &client,
            InputBinding::new(a.clone().binding(), dtype.into()),
            InputBinding::new(b.clone().binding(), dtype.into()),
            output.clone().binding(),
            &mut MatmulElems::from_globals(&kind),
        )
    };
    let tiles = SimpleUnitSelectionArgs { tile_size: TileSizeSelection::MaxTileSize };
    let tiled = Strategy::SimpleUnit(BlueprintStrategy::Inferred(tiles));
    // The plain one is for whatever shape the tiles do not fit.
    if launch(&tiled).is_err() {
        launch(&Strategy::Naive).expect("a product of two matrices");
    }
    output
}
