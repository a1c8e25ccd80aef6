//! Nothing that was confirmed is lost, whatever instant the daemon or the machine stops at.

mod lost_writes;
mod sudden_death;
mod trace;
