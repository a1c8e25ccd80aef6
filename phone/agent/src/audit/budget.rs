use std::collections::HashMap;
use std::time::Duration;

/// How many lines each computer may still cause without a person's yes: whoever asks for nothing but to fill the list would push
/// what was signed out of it.
#[derive(Debug, Default)]
pub(super) struct Budget(HashMap<String, Account>);

#[derive(Debug)]
struct Account {
    lines: u32,
    since: Duration,
    left_out: u64,
}

impl Budget {
    /// Takes one line. Returns false where there is none to take: the line is left out, and counted.
    pub(super) fn take(&mut self, pairing: &str, now: Duration) -> bool {
        let account =
            self.0.entry(pairing.to_owned()).or_insert(Account { lines: MOST, since: now, left_out: 0 });
        let earned = now.saturating_sub(account.since).as_secs() / A_LINE.as_secs();
        if earned > 0 {
            account.lines = MOST.min(account.lines.saturating_add(u32::try_from(earned).unwrap_or(MOST)));
            account.since = now;
        }
        if account.lines == 0 {
            account.left_out += 1;
            return false;
        }
        account.lines -= 1;
        true
    }

    /// Returns how many lines were left out since this was asked last.
    pub(super) fn left_out(&mut self, pairing: &str) -> u64 {
        self.0.get_mut(pairing).map_or(0, |account| std::mem::take(&mut account.left_out))
    }
}

/// How many lines come at once.
const MOST: u32 = 500;

/// How long it takes to earn another: what one computer writes in ten days does not fill a file.
const A_LINE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::{A_LINE, Budget, MOST};
    use std::time::Duration;

    #[test]
    fn a_computer_has_so_many_lines_and_earns_more() {
        let mut budget = Budget::default();
        let now = Duration::from_secs(4711);
        assert_eq!((0..MOST + 7).filter(|_| budget.take("one", now)).count() as u32, MOST);
        assert!(budget.take("two", now), "each has its own");
        assert_eq!((budget.left_out("one"), budget.left_out("one"), budget.left_out("two")), (7, 0, 0));
        let later = now + 2 * A_LINE;
        assert_eq!((0..10).filter(|_| budget.take("one", later)).count(), 2);
        assert_eq!((0..2 * MOST).filter(|_| budget.take("one", later + A_LINE * 9000)).count() as u32, MOST);
    }
}
