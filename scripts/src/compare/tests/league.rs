//! Who shares a table.

use super::{planted::rules, synthetic};
use crate::compare::{
    document::Block, league, records::RecordSet, report::Report, spread::Spreads,
};

#[test]
fn runs_of_other_files_do_not_share_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let heads = |records: &[shared::run::Record]| -> Vec<String> {
        let work = tempfile::tempdir_in(folder.path()).unwrap();
        synthetic::write(work.path(), records);
        let set = RecordSet::read(work.path()).unwrap();
        let report = Report::of(&set, None, &Spreads::of(&set), &rules());
        let words = |block| match block {
            Block::Heading(_, text) | Block::Text(text) => Some(text),
            _ => None,
        };
        league::tables(&report).into_iter().filter_map(words).collect()
    };
    let named = |name: &str, sum: &str| {
        let mut record = synthetic::record(1);
        record.name = name.into();
        record.data.sha256.insert("images".into(), sum.into());
        record
    };
    let of = |sums: [&str; 4]| -> Vec<_> {
        ["a", "b", "c", "d"].into_iter().zip(sums).map(|(name, sum)| named(name, sum)).collect()
    };
    let sizes = "mnist (50000 / 10000 / 10000)";
    assert_eq!(heads(&of(["00", "00", "00", "00"])), [sizes]);
    let [one, other] = ["1111111111", "2222222222"];
    assert_eq!(
        heads(&of([one, one, other, other])),
        [format!("{sizes}, images 11111111"), format!("{sizes}, images 22222222")]
    );
    let alone = heads(&of(["00", "11", "22", "33"]));
    assert_eq!(alone, ["No two runs share data, splits and a metric: there is nothing to rank."]);
}
