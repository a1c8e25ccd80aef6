//! Numbers: what one run of a load gives, and how rounds are summed up.

/// What one run of a load gave.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Half of the calls took at most so long, in microseconds.
    pub(crate) p50: f64,
    /// 99 of 100 calls took at most so long, in microseconds.
    pub(crate) p99: f64,
    /// Calls done per second, by all clients together.
    pub(crate) rate: f64,
    /// Calls refused per second (`LimitsExceeded`); only a flood has any.
    pub(crate) refused: f64,
}

/// What one client process counted.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// How long it worked, in seconds.
    pub(crate) elapsed: f64,
    /// How many calls were refused.
    pub(crate) refused: u64,
    /// Each call that was done, in nanoseconds.
    pub(crate) latencies: Vec<u32>,
}

impl Work {
    /// Returns the one line that carries it from a client process to the bench.
    pub(crate) fn to_line(&self) -> String {
        let mut line = format!("{} {}", self.elapsed, self.refused);
        for latency in &self.latencies {
            line.push(' ');
            line.push_str(&latency.to_string());
        }
        line
    }

    /// Reads that line back; `None` where it is something else.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let elapsed = words.next()?.parse().ok()?;
        let refused = words.next()?.parse().ok()?;
        let latencies = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        Some(Self { elapsed, refused, latencies })
    }
}

/// Sums up what the client processes of one run counted; `None` where nothing was done.
pub(crate) fn sum_up(works: &[Work]) -> Option<Load> {
    let mut latencies: Vec<u32> = works.iter().flat_map(|work| &work.latencies).copied().collect();
    latencies.sort_unstable();
    Some(Load {
        p50: micros(*latencies.get(latencies.len() / 2)?),
        p99: micros(latencies[latencies.len() * 99 / 100]),
        rate: works.iter().map(|work| work.latencies.len() as f64 / work.elapsed).sum(),
        refused: works.iter().map(|work| work.refused as f64 / work.elapsed).sum(),
    })
}

fn micros(nanos: u32) -> f64 {
    f64::from(nanos) / 1000.0
}

/// One figure, taken once per round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// Adds what this round gave.
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Returns the median of the rounds; not a number where there were none.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[odd / 2],
            even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
        }
    }

    /// Combines two figures round by round: what disturbs a round disturbs both.
    pub(crate) fn with(&self, other: &Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(&mine, &theirs)| combine(mine, theirs)).collect())
    }

    /// Changes every round's figure alike.
    pub(crate) fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().copied().map(change).collect())
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Series, Work, sum_up};

    #[test]
    fn the_median_of_an_even_number_of_rounds_is_between_the_middle_two() {
        assert_eq!([4.0, 1.0, 3.0, 2.0].into_iter().collect::<Series>().median(), 2.5);
        assert_eq!([9.0, 1.0, 3.0].into_iter().collect::<Series>().median(), 3.0);
        assert!(Series::default().median().is_nan());
    }

    #[test]
    fn percentiles_and_rates_are_over_all_clients() {
        let one = Work { elapsed: 1.0, refused: 0, latencies: (1..=50).map(|n| n * 1000).collect() };
        let two = Work { elapsed: 0.5, refused: 5, latencies: (51..=100).map(|n| n * 1000).collect() };
        let load = sum_up(&[one, two]).expect("there were calls");
        assert_eq!((load.p50, load.p99, load.rate, load.refused), (51.0, 100.0, 150.0, 10.0));
        assert!(sum_up(&[]).is_none());
    }

    #[test]
    fn work_crosses_a_pipe_as_one_line() {
        let work = Work { elapsed: 0.25, refused: 3, latencies: vec![1, 22, 333] };
        let back = Work::from_line(&work.to_line()).expect("it was just written");
        assert_eq!((back.elapsed, back.refused, back.latencies), (0.25, 3, vec![1, 22, 333]));
        assert!(Work::from_line("cannot connect").is_none());
    }
}
