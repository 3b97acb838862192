//! The text of a MusicXML score: as it is, or zipped as an mxl file.

use std::borrow::Cow;

use roxmltree::{Document, ParsingOptions};

use super::archive::Archive;

/// Bytes of an unpacked score; whole operas have fewer.
const LARGEST: u64 = 64 << 20;
/// The member that names the score,
/// <https://www.w3.org/2021/06/musicxml40/tutorial/compressed-mxl-files/>.
const CONTAINER: &str = "META-INF/container.xml";

/// The XML of a score.
pub(super) fn text(file: &[u8]) -> Result<Cow<'_, str>, String> {
    if !file.starts_with(b"PK") {
        if file.len() as u64 > LARGEST {
            return Err(format!("{} bytes; {LARGEST} are the most that is read", file.len()));
        }
        let text = str::from_utf8(file).map_err(|error| encoding("it", &error))?;
        return Ok(text.into());
    }
    let mut archive = Archive::open(file, "mxl")?;
    let container = archive.member(CONTAINER, LARGEST)?;
    let container = str::from_utf8(&container).map_err(|error| encoding(CONTAINER, &error))?;
    let container = document(container).map_err(|reason| format!("{CONTAINER}: {reason}"))?;
    let root = container.descendants().find(|node| node.tag_name().name() == "rootfile");
    let name = root
        .and_then(|root| root.attribute("full-path"))
        .ok_or_else(|| format!("{CONTAINER} names no score: damaged"))?;
    let score = archive.member(name, LARGEST)?;
    let text = String::from_utf8(score).map_err(|error| encoding(name, &error.utf8_error()))?;
    Ok(text.into())
}

/// The elements of an XML text.
pub(super) fn document(text: &str) -> Result<Document<'_>, String> {
    // MusicXML has a document type declaration; nothing it refers to is fetched.
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| format!("it is not XML ({error})"))
}

fn encoding(name: &str, error: &std::str::Utf8Error) -> String {
    format!("{name} is not text in UTF-8 ({error}): damaged, or to be exported as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zipped, *};

    #[test]
    fn the_container_names_the_score() {
        let container =
            b"<container><rootfiles><rootfile full-path='a/b.xml'/></rootfiles></container>";
        let file = zipped(&[(CONTAINER, container), ("c.xml", b"no"), ("a/b.xml", b"<score/>")]);
        assert_eq!(text(&file).as_deref(), Ok("<score/>"));
        assert_eq!(text(b"<score/>").as_deref(), Ok("<score/>"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let container =
            b"<container><rootfiles><rootfile full-path='a.xml'/></rootfiles></container>";
        for (file, part) in [
            (zipped(&[("a.xml", b"")]), "no member META-INF/container.xml, only a.xml"),
            (zipped(&[(CONTAINER, b"<container/>")]), "names no score"),
            (zipped(&[(CONTAINER, b"<container>")]), "container.xml: it is not XML"),
            (zipped(&[(CONTAINER, container)]), "no member a.xml"),
            (zipped(&[(CONTAINER, container), ("a.xml", b"\xff\xfe<\0")]), "a.xml is not text"),
            (b"\xff\xfe<\0".to_vec(), "it is not text in UTF-8"),
            (b"PK\x03\x04".to_vec(), "not a complete mxl archive"),
        ] {
            let reason = text(&file).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
    }

    #[test]
    fn entities_that_grow_without_end_are_refused() {
        let mut xml = "<!DOCTYPE a [<!ENTITY e0 'eeeeeeeeee'>".to_owned();
        for level in 1..10 {
            xml += &format!("<!ENTITY e{level} '{}'>", format!("&e{};", level - 1).repeat(10));
        }
        assert!(document(&(xml + "]><a>&e9;</a>")).is_err());
    }
}
