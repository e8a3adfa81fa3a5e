//! A document with committed tables. Each is between two marks, and the rest is prose.

use std::path::Path;

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

/// A document and its committed tables.
pub struct Document<'a> {
    path: &'a Path,
    pub tables: Vec<String>,
    /// The text before each table, and the text after the last one.
    prose: Vec<String>,
}

impl<'a> Document<'a> {
    /// Reads a document with so many tables.
    ///
    /// # Errors
    /// When the file can't be read, or has another number of places for tables.
    pub fn read(path: &'a Path, tables: usize) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| about(path, e))?;
        let (document, places) = Self::split(path, &text);
        if places != tables || document.tables.len() != tables {
            return Err(format!(
                "{} has {places} places for tables, expected {tables}, \
                 each between the lines `{}` and `{END}`",
                path.display(),
                BEGIN.trim_end()
            ));
        }
        Ok(document)
    }

    /// Returns also how many places begin.
    fn split(path: &'a Path, text: &str) -> (Self, usize) {
        let mut parts = text.split(BEGIN);
        let mut document = Document {
            path,
            tables: vec![],
            prose: parts.next().map(String::from).into_iter().collect(),
        };
        let mut places = 0;
        for part in parts {
            places += 1;
            if let Some((table, after)) = part.split_once(END) {
                document.tables.push(table.to_string());
                document.prose.push(after.to_string());
            }
        }
        (document, places)
    }

    fn with(&self, tables: &[String]) -> String {
        let mut text = self.prose[0].clone();
        for (table, after) in tables.iter().zip(&self.prose[1..]) {
            text += &format!("{BEGIN}{table}{END}{after}");
        }
        text
    }

    /// Writes the document with other tables.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&self, tables: &[String]) -> Result<(), String> {
        std::fs::write(self.path, self.with(tables)).map_err(|e| about(self.path, e))?;
        println!("wrote the measured figures in {}", shown(self.path));
        Ok(())
    }

    /// Says that everything is within the tables.
    ///
    /// # Errors
    /// When the comparison with the tables found something.
    pub fn check(&self, worse: Vec<String>, command: &str) -> Result<(), String> {
        let path = shown(self.path);
        if !worse.is_empty() {
            return Err(format!(
                "the figures exceed those in {path}:\n  {}\n\
                 To accept them: cargo xtask {command} --update",
                worse.join("\n  ")
            ));
        }
        println!("all bounded figures are within those in {path}");
        Ok(())
    }
}

/// A path relative to the current folder, as users write it.
fn shown(path: &Path) -> std::path::Display<'_> {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display()
}

fn about(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tables_of_a_document_change() {
        let text = format!("head\n{BEGIN}old 1\n{END}\nmiddle\n{BEGIN}old 2\n{END}\ntail\n");
        let (document, places) = Document::split(Path::new("x"), &text);
        assert_eq!(places, 2);
        assert_eq!(document.tables, ["old 1\n", "old 2\n"]);
        assert_eq!(document.with(&document.tables), text);
        let changed = document.with(&["new 1\n".to_string(), "new 2\n".to_string()]);
        assert_eq!(changed, text.replace("old", "new"));
    }

    #[test]
    fn a_place_without_an_end_is_no_table() {
        let (document, places) = Document::split(Path::new("x"), &format!("head {BEGIN} table"));
        assert_eq!((document.tables.len(), places), (0, 1));
    }
}
