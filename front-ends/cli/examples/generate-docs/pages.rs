//! Man pages and completions, from the definition of the command line.

use std::io;
use std::path::Path;

use clap_complete::Shell;

/// Writes `man/*.1` and `completions/*` into the folder.
pub(crate) fn write_all(folder: &Path) -> io::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    std::fs::create_dir_all(&man)?;
    std::fs::create_dir_all(&completions)?;
    // `help` is a command of clap's own; its pages would say nothing.
    let command = claviger::cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let path =
            clap_complete::generate_to(shell, &mut claviger::cli::command(), "claviger", &completions)?;
        debug_assert!(path.exists());
    }
    Ok(())
}
