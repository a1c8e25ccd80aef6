//! What stands in the memory of a process.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use memchr::memmem::Finder;

/// Returns where each of `canaries` stands in a readable mapping of the process: the mapping's line in
/// `/proc/PID/maps` for each find, none if it is nowhere.
pub fn find(pid: u32, canaries: &[&[u8]]) -> Vec<String> {
    let memory = File::open(format!("/proc/{pid}/mem")).expect("the tests run as root");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process runs");
    let finders: Vec<Finder<'_>> = canaries.iter().map(Finder::new).collect();
    let longest = canaries.iter().map(|canary| canary.len()).max().unwrap_or(0);
    let mut read_any = false;
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| is_readable(line)) {
        for piece in pieces(&memory, bounds(line), longest) {
            read_any |= !piece.is_empty();
            if finders.iter().any(|finder| finder.find(&piece).is_some()) {
                found.push(line.to_owned());
            }
        }
    }
    assert!(read_any, "nothing of the memory could be read");
    found
}

/// Returns the two ways in which a big number may stand in memory: as written in files, and as a processor of
/// this kind holds it.
pub fn both_ends(big_endian: &[u8]) -> [Vec<u8>; 2] {
    [big_endian.to_vec(), big_endian.iter().rev().copied().collect()]
}

/// Returns the contents of one mapping, in pieces that overlap.
fn pieces(memory: &File, (start, end): (u64, u64), overlap: usize) -> impl Iterator<Item = Vec<u8>> {
    (start..end).step_by(PIECE).map(move |at| {
        let wanted = usize::try_from(end - at).unwrap().min(PIECE + overlap);
        let mut piece = vec![0; wanted];
        // A mapping may go between the list and here.
        let read = memory.read_at(&mut piece, at).unwrap_or(0);
        piece.truncate(read);
        piece
    })
}

/// The kernel's own pages cannot be read, and hold nothing of the process.
fn is_readable(line: &str) -> bool {
    line.split(' ').nth(1).is_some_and(|flags| flags.starts_with('r')) && !line.ends_with("[vvar]")
}

fn bounds(line: &str) -> (u64, u64) {
    let (start, rest) = line.split_once('-').unwrap();
    let end = rest.split(' ').next().unwrap();
    (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap())
}

const PIECE: usize = 4 << 20;

/// Returns how many bytes of the process stand in memory.
pub fn resident(pid: u32) -> usize {
    let pages = fs::read_to_string(format!("/proc/{pid}/statm")).expect("the process runs");
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * rustix::param::page_size()
}
