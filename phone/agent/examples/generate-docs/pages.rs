//! Man pages and completions, from the definition of the command line.

use std::io;
use std::path::Path;

use clap_complete::Shell;
use clap_mangen::Man;

/// Writes `man/claviger-phone*.8` and `completions/*claviger-phone*` into the folder. They are of section 8, because
/// `claviger-phone(1)` is the command `claviger phone` of the other program.
pub(crate) fn write_all(folder: &Path) -> io::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    std::fs::create_dir_all(&man)?;
    std::fs::create_dir_all(&completions)?;
    let mut command = claviger_phone::cli::command();
    command.build();
    write_pages(command, &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut command = claviger_phone::cli::command();
        let path = clap_complete::generate_to(shell, &mut command, "claviger-phone", &completions)?;
        debug_assert!(path.exists());
    }
    Ok(())
}

fn write_pages(command: clap::Command, man: &Path) -> io::Result<()> {
    for word in command.get_subcommands().filter(|word| !word.is_hide_set()).cloned() {
        write_pages(word, man)?;
    }
    Man::new(command).section("8").generate_to(man).map(drop)
}
