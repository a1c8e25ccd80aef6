use zbus::{OwnedFd, OwnedObjectPath};

/// `org.freedesktop.login1.Manager`, as far as it is needed: org.freedesktop.login1(5).
#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
pub(super) trait Manager {
    /// Id, uid, user name, seat and object of each session.
    fn list_sessions(&self) -> zbus::Result<Vec<(String, u32, String, String, OwnedObjectPath)>>;

    fn get_session(&self, id: &str) -> zbus::Result<OwnedObjectPath>;

    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;

    #[zbus(name = "GetUserByPID")]
    fn get_user_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;

    fn lock_session(&self, id: &str) -> zbus::Result<()>;

    fn terminate_session(&self, id: &str) -> zbus::Result<()>;

    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;

    #[zbus(property)]
    fn preparing_for_sleep(&self) -> zbus::Result<bool>;
}
