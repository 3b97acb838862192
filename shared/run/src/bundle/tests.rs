use std::{
    fs,
    io::{Cursor, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};

use super::*;
use files::{CHECKSUMS, Checksums};

/// A finished run of the VAE in this folder.
pub(super) fn run_of(path: &Path) -> RunFolder {
    let run = RunFolder::create(path.into(), "seed = 1\n", false).unwrap();
    run.write(DESCRIPTION, br#"{"paper": "vae"}"#).unwrap();
    run.write(RunFolder::RECORD, b"{}").unwrap();
    run.write(WEIGHTS, &[7; 3000]).unwrap();
    run
}

/// The same in a folder that `train` makes.
pub(super) fn run(work: &Path) -> RunFolder {
    run_of(&work.join("runs/vae/quick"))
}

/// Files of a bundle, without their checksums.
const WHOLE: [(&str, &[u8]); 3] =
    [(RunFolder::CONFIG, b"seed = 1\n"), (DESCRIPTION, b"{}"), (WEIGHTS, b"many numbers")];

/// A tar archive; an entry has a path as it is, a type and a content.
fn tar(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_link_name_literal("/etc/passwd").unwrap();
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A bundle of these files with checksums that fit, and more entries after them.
fn bundle_of(files: &[(&str, &[u8])], more: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut checksums = Checksums::default();
    files.iter().for_each(|(name, content)| checksums.add(name, content));
    let list = checksums.text();
    let inside = |name: &str| format!("vae/quick/{name}");
    let paths: Vec<String> = files.iter().map(|(name, _)| inside(name)).collect();
    let mut entries: Vec<(&str, EntryType, &[u8])> = (paths.iter().zip(files))
        .map(|(path, (_, content))| (&**path, EntryType::Regular, *content))
        .collect();
    let own = inside(CHECKSUMS);
    entries.push((&own, EntryType::Regular, list.as_bytes()));
    entries.extend(more);
    gzip(&tar(&entries))
}

fn unpacked(bytes: &[u8], folder: &Path) -> Result<PathBuf, String> {
    unpack(Cursor::new(bytes), bytes.len() as u64, folder).map_err(|error| error.to_string())
}

fn problem(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    unpacked(bytes, folder.path()).unwrap_err()
}

#[test]
fn what_is_packed_is_unpacked_with_every_file_as_it_was() {
    let work = tempfile::tempdir().unwrap();
    let own = run(work.path());
    let packed = pack(&own).unwrap();
    let into = tempfile::tempdir().unwrap();
    let path = unpacked(&packed.bytes, into.path()).unwrap();
    assert_eq!(path, into.path().join("vae/quick"));
    let copy = RunFolder::open(path).unwrap();
    assert!(copy.damaged().unwrap().is_empty());
    for file in [RunFolder::CONFIG, RunFolder::RECORD, DESCRIPTION, WEIGHTS] {
        assert_eq!(copy.read(file).unwrap(), own.read(file).unwrap(), "{file}");
    }
    assert_eq!(pack(&copy).unwrap(), packed);
}

#[test]
fn hostile_entries_are_refused_by_name() {
    use EntryType::{Directory, Fifo, GNULongName, Link, Regular, Symlink, XHeader};
    assert!(problem(&bundle_of(&WHOLE, &[("vae/quick/x.png", Regular, b"")])).contains("x.png"));
    for (path, kind, message) in [
        ("vae/quick/../../../config.toml", Regular, "is not called PAPER/NAME/FILE"),
        ("../quick/config.toml", Regular, "is no file of a bundle"),
        ("vae/../config.toml", Regular, "is no file of a bundle"),
        ("/vae/config.toml", Regular, "is no file of a bundle"),
        ("/etc/passwd", Regular, "is no file of a bundle"),
        ("vae/quick/.lock", Regular, "is no file of a bundle"),
        ("vae/C:\\quick/config.toml", Regular, "is no file of a bundle"),
        ("vae/quick/record.json", Symlink, "is not a plain file"),
        ("vae/quick/record.json", Link, "is not a plain file"),
        ("vae/quick/record.json", Directory, "is not a plain file"),
        ("vae/quick/record.json", Fifo, "is not a plain file"),
        ("vae/quick/record.json", GNULongName, "is not a plain file"),
        ("vae/quick/record.json", XHeader, "is not a plain file"),
        ("vae/quick/config.toml", Regular, "is there twice"),
        ("vae/quick/SHA256SUMS", Regular, "is there twice"),
        ("vae/other/record.json", Regular, "is of a second run"),
        ("pca/quick/record.json", Regular, "is of a second run"),
        ("vae/quick/record.json", Regular, "record.json is not the one"),
    ] {
        let found = problem(&bundle_of(&WHOLE, &[(path, kind, b"x")]));
        assert!(found.contains(message) && !found.contains('\n'), "{path} {kind:?}: {found}");
    }
}

#[test]
fn nothing_is_written_outside_the_folder() {
    let work = tempfile::tempdir().unwrap();
    let into = work.path().join("deep/folder");
    fs::create_dir_all(&into).unwrap();
    for path in ["../../config.toml", "vae/../config.toml", "../folder/config.toml"] {
        unpacked(&bundle_of(&[], &[(path, EntryType::Regular, b"x")]), &into).unwrap_err();
    }
    assert_eq!(fs::read_dir(&into).unwrap().count(), 0);
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 1);
}

#[test]
fn a_bundle_without_a_file_that_it_needs_is_refused_and_so_is_one_with_another_content() {
    for missing in 0..WHOLE.len() {
        let mut files = WHOLE.to_vec();
        let (name, _) = files.remove(missing);
        assert!(problem(&bundle_of(&files, &[])).contains(&format!("it has no {name}")));
    }
    assert!(problem(&gzip(&tar(&[]))).contains("it has no config.toml"));
    let entries = WHOLE.map(|(name, content)| (format!("vae/quick/{name}"), content));
    let entries = entries.each_ref().map(|(path, of)| (&**path, EntryType::Regular, *of));
    assert!(problem(&gzip(&tar(&entries))).contains("it has no SHA256SUMS"));
    let listed = |checksums: &str| {
        let list = [("vae/quick/SHA256SUMS", EntryType::Regular, checksums.as_bytes())];
        problem(&gzip(&tar(&[&entries[..], &list].concat())))
    };
    assert!(listed("00  config.toml\n").contains("its SHA256SUMS is damaged"));
    let mut checksums = Checksums::default();
    WHOLE.iter().for_each(|(name, content)| checksums.add(name, content));
    checksums.add("../up", b"");
    assert!(listed(&checksums.text()).contains("it has no \"../up\""));
    checksums = Checksums::default();
    WHOLE.iter().for_each(|(name, _)| checksums.add(name, b"another"));
    assert!(listed(&checksums.text()).contains("its config.toml is not the one"));
    assert!(listed(&"x".repeat(1 << 17)).contains("too long"));
}

#[test]
fn every_cut_and_every_flipped_byte_is_found() {
    let whole = bundle_of(&WHOLE, &[]);
    unpacked(&whole, tempfile::tempdir().unwrap().path()).unwrap();
    for length in 0..whole.len() {
        problem(&whole[..length]);
    }
    // Damage to what says nothing may pass, a time or where in a run of zeros a copy begins; never another content.
    let mut passed = 0;
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        let folder = tempfile::tempdir().unwrap();
        let Ok(run) = unpacked(&damaged, folder.path()) else { continue };
        passed += 1;
        assert_eq!(run, folder.path().join("vae/quick"));
        for (name, content) in WHOLE {
            assert_eq!(fs::read(run.join(name)).unwrap(), content, "byte {place}: {name}");
        }
    }
    assert!(passed < whole.len() / 10, "{passed} of {} damaged bytes passed", whole.len());
    assert!(problem(&[&whole[..], b"x"].concat()).contains("something follows its end"));
    assert!(problem(&[&whole[..], &whole].concat()).contains("something follows its end"));
    assert!(problem(&b"PK\x03\x04".repeat(10)).contains(".tar.gz"));
}

/// Counts what is read of endless zeros.
struct Zeros<'a>(&'a AtomicUsize);

impl Read for Zeros<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        into.fill(0);
        self.0.fetch_add(into.len(), Ordering::Relaxed);
        Ok(into.len())
    }
}

#[test]
fn a_small_file_that_would_unpack_to_a_large_one_is_not_unpacked_to_its_end() {
    // 200 MB of zeros in 200 kB, as weights and after the end.
    let read = AtomicUsize::new(0);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = Header::new_ustar();
    header.set_path("vae/quick/weights.safetensors").unwrap();
    header.set_size(200 << 20);
    header.set_cksum();
    packed.write_all(header.as_bytes()).unwrap();
    std::io::copy(&mut Zeros(&read).take(200 << 20), &mut packed).unwrap();
    let bomb = packed.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let folder = tempfile::tempdir().unwrap();
    let found = unpacked(&bomb, folder.path()).unwrap_err();
    assert!(found.contains("would unpack to more than"), "{found}");
    let written = folder.path().join("vae/quick/weights.safetensors");
    assert!(fs::metadata(written).unwrap().len() < 120 << 20);

    let mut late = GzEncoder::new(Vec::new(), Compression::fast());
    let mut whole = Vec::new();
    flate2::read::GzDecoder::new(&bundle_of(&WHOLE, &[])[..]).read_to_end(&mut whole).unwrap();
    late.write_all(&whole).unwrap();
    std::io::copy(&mut Zeros(&read).take(200 << 20), &mut late).unwrap();
    assert!(problem(&late.finish().unwrap()).contains("would unpack to more than"));

    // A size that no content follows takes no memory and no disk.
    let mut endless = Header::new_ustar();
    endless.set_path("vae/quick/weights.safetensors").unwrap();
    endless.set_size(u64::MAX >> 12);
    endless.set_cksum();
    assert!(problem(&gzip(endless.as_bytes())).contains("cut off"));
}

#[test]
fn a_bundle_is_told_from_a_folder_and_its_checksum_from_its_name() {
    let named = |text: &str| Bundle::named(Path::new(text));
    for folder in ["runs/vae/quick", "weights.safetensors", "https", "runs/v.tar.gz/quick"] {
        assert_eq!(named(folder).unwrap(), None, "{folder}");
    }
    let sha256 = "0".repeat(64);
    for bundle in ["vae-quick.tar.gz", "https://example.org/x"] {
        assert_eq!(named(bundle).unwrap().unwrap().to_string(), bundle);
        let checked = format!("{bundle}#sha256={sha256}");
        assert_eq!(named(&checked).unwrap().unwrap().to_string(), bundle);
    }
    assert!(named("http://example.org/x").unwrap_err().to_string().contains("over http only"));
    for bad in ["x.tar.gz#sha256=00".to_owned(), format!("x.tar.gz#sha256={}g", &sha256[1..])] {
        assert!(named(&bad).unwrap_err().to_string().contains("64 digits"), "{bad}");
    }
}

#[test]
fn no_command_writes_into_a_bundle() {
    let work = tempfile::tempdir().unwrap();
    let path = run(work.path()).path().to_owned();
    let bundle = RunFolder::open_bundle(path, "vae-quick.tar.gz".into()).unwrap();
    let refusals = [
        bundle.lock().unwrap_err().to_string(),
        bundle.write("record.json", b"{}").unwrap_err().to_string(),
        bundle.phase("layer-1").write("metrics.jsonl", b"").unwrap_err().to_string(),
        bundle.continue_with(String::new(), Vec::new()).unwrap_err().to_string(),
        bundle.new_file("samples.png").unwrap_err().to_string(),
    ];
    for message in refusals {
        assert!(message.contains("vae-quick.tar.gz is a bundle") && message.contains("--unpack"));
    }
    assert!(bundle.new_file("x.png").unwrap_err().to_string().contains("--to"));
    assert_eq!(bundle.read("record.json").unwrap(), b"{}");
}
