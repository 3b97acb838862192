//! Where the links of a page lead in the site. Paths are those of the repository or of the site, with `/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::pages::Page;

/// Where a link leads.
#[derive(Debug, PartialEq)]
pub(super) enum Target {
    /// A page or picture of the site, relative to the page, or a page elsewhere.
    Address(String),
    /// A file of the repository, and nobody said where that is read.
    Unreachable,
}

/// The links of a site.
pub(super) struct Links {
    root: PathBuf,
    /// Pages, and folders whose README is one: file in the repository to file in the site.
    pages: BTreeMap<String, String>,
    /// Address of the repository's files.
    repository: Option<String>,
}

impl Links {
    pub(super) fn new(root: &Path, pages: &[Page], repository: Option<&str>) -> Self {
        let mut known = BTreeMap::new();
        for page in pages {
            if let Some(folder) = page.source.strip_suffix("/README.md") {
                known.insert(folder.to_owned(), page.site.clone());
            }
            known.insert(page.source.clone(), page.site.clone());
        }
        let repository = repository.map(|address| address.trim_end_matches('/').to_owned());
        Self { root: root.into(), pages: known, repository }
    }

    /// The target of a link of a page.
    ///
    /// # Errors
    /// If it is a file that does not exist.
    pub(super) fn target(&self, page: &Page, link: &str) -> Result<Target> {
        if is_address(link) || link.starts_with('#') {
            return Ok(Target::Address(link.into()));
        }
        let (path, fragment) = split(link);
        let file = self.file(page, path)?;
        Ok(match self.pages.get(&file) {
            Some(site) => Target::Address(format!("{}{fragment}", relative(&page.site, site))),
            None => self.in_repository(&file, fragment),
        })
    }

    /// The file in the repository that a relative path of a page leads to.
    ///
    /// # Errors
    /// If it does not exist.
    pub(super) fn file(&self, page: &Page, path: &str) -> Result<String> {
        let folder = page.source.rsplit_once('/').map_or("", |(folder, _)| folder);
        let file = joined(folder, path);
        match file {
            Some(file) if self.root.join(&file).exists() => Ok(file),
            _ => bail!("the link '{path}' leads nowhere; correct it, or add the file"),
        }
    }

    /// A file or a line of it, where the repository is read.
    pub(super) fn in_repository(&self, file: &str, fragment: &str) -> Target {
        match &self.repository {
            Some(address) => Target::Address(format!("{address}/{file}{fragment}")),
            None => Target::Unreachable,
        }
    }

    /// The picture in the site that a page shows, and its file in the repository, which joins `pictures`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn picture(
        &self,
        page: &Page,
        link: &str,
        pictures: &mut BTreeSet<String>,
    ) -> Result<String> {
        if is_address(link) {
            bail!("the picture '{link}' would be loaded from elsewhere; add it to docs/pictures");
        }
        let file = self.file(page, link)?;
        let site = relative(&page.site, &picture_site(&file));
        pictures.insert(file);
        Ok(site)
    }
}

/// Where a picture of the repository lies in the site.
pub(super) fn picture_site(file: &str) -> String {
    format!("pictures/{}", file.strip_prefix("docs/pictures/").unwrap_or(file).replace('/', "-"))
}

/// True for what leads out of the site.
pub(super) fn is_address(link: &str) -> bool {
    link.contains("://") || link.starts_with("//") || link.starts_with("mailto:")
}

/// Path and fragment, with its `#`.
pub(super) fn split(link: &str) -> (&str, &str) {
    link.split_at(link.find('#').unwrap_or(link.len()))
}

/// A path in a folder without `.` and `..`; `None` above the root.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

/// A file of the site as a page of it names it.
pub(super) fn relative(page: &str, file: &str) -> String {
    let up = page.matches('/').count();
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    match file.strip_prefix(folder).and_then(|file| file.strip_prefix('/')) {
        Some(file) if up == 1 => file.into(),
        _ => format!("{}{file}", "../".repeat(up)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_made_relative() {
        assert_eq!(
            joined("docs/course", "../pictures/a.png").as_deref(),
            Some("docs/pictures/a.png")
        );
        assert_eq!(joined("", "./docs").as_deref(), Some("docs"));
        assert_eq!(joined("docs", "../../a"), None);
        assert_eq!(relative("index.html", "course/a.html"), "course/a.html");
        assert_eq!(relative("course/a.html", "course/b.html"), "b.html");
        assert_eq!(relative("course/a.html", "pictures/b.png"), "../pictures/b.png");
        assert_eq!(split("a.md#b"), ("a.md", "#b"));
    }
}
