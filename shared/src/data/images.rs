/// Height and width of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl PixelShape {
    /// Pixels of one image.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }
}

/// Grey images with labels in one contiguous block, a byte a pixel.
#[derive(Debug)]
pub struct ImageSet {
    shape: PixelShape,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    first_key: u64,
}

impl ImageSet {
    /// A set from its pixels, image by image and row by row. Test images get noise keys of their
    /// own, so that no test image shares its noise with a training image.
    ///
    /// # Panics
    /// If there are not `labels.len()` images.
    pub fn new(shape: PixelShape, pixels: Vec<u8>, labels: Vec<u8>, test: bool) -> Self {
        assert_eq!(pixels.len(), labels.len() * shape.pixels());
        Self { shape, pixels, labels, first_key: if test { 1 << 32 } else { 0 } }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height and width of every image.
    pub fn shape(&self) -> PixelShape {
        self.shape
    }

    /// Grey levels of one image, 0 to 255.
    pub fn image(&self, index: usize) -> &[u8] {
        let width = self.shape.pixels();
        &self.pixels[index * width..(index + 1) * width]
    }

    /// Class of one image.
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }

    /// The number that keys the noise of one image.
    pub fn key(&self, index: usize) -> u64 {
        self.first_key + index as u64
    }
}
