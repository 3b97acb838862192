use super::PixelShape;

/// The grey level between pixels, at column `x` and row `y`; 0 outside the image.
pub fn bilinear(shape: PixelShape, x: f32, y: f32, pixel: impl Fn(usize) -> f32) -> f32 {
    let at = |x: f32, y: f32| {
        let inside = |v: f32, size: usize| (0.0..size as f32).contains(&v);
        if inside(x, shape.width) && inside(y, shape.height) {
            pixel(y as usize * shape.width + x as usize)
        } else {
            0.0
        }
    };
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let upper = at(left, top) * (1.0 - fx) + at(left + 1.0, top) * fx;
    let lower = at(left, top + 1.0) * (1.0 - fx) + at(left + 1.0, top + 1.0) * fx;
    upper * (1.0 - fy) + lower * fy
}
