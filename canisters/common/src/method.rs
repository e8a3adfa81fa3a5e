//! How every endpoint is declared.

/// Declares a method of the interface:
///
/// ```text
/// method!(KIND [for CHECK]: [async] fn name(…) -> Result<T> { … })
/// method!(update for CHECK with ROOM: fn name(…) -> Result<T> { … })
/// method!(composite_query in place: async fn name(…) -> Result<ByteBuf> { … })
/// method!(query in place for CHECK: fn name(…) -> Result<ByteBuf> { … })
/// ```
///
/// `KIND` is `update`, `query` or `composite_query`. `CHECK` is a function that takes the caller
/// and returns an error to refuse it, before the arguments are decoded. Arguments that can't be
/// decoded are `InvalidArgument`; ic-cdk alone would trap. The inner function has the signature
/// that the Candid interface shows.
///
/// `ROOM` is an async function that makes room for what the method stores, and says whether it
/// awaited. The caller is checked again then, because it may have lost its right.
///
/// The body of a method `in place` gives its whole reply as bytes; see `reply::BlobReply`.
#[macro_export]
macro_rules! method {
    (composite_query in place: async fn $($function:tt)+) => {
        $crate::method! {
            @in_place composite_query [] [async]
            [ic_cdk::query(
                composite = true,
                hidden = true,
                encode_with = "canister_common::reply::encode_blob"
            )]
            $($function)+
        }
    };
    (query in place for $check:ident: fn $($function:tt)+) => {
        $crate::method! {
            @in_place query [$check] []
            [ic_cdk::query(
                hidden = true,
                encode_with = "canister_common::reply::encode_blob"
            )]
            $($function)+
        }
    };
    (
        @in_place $kind:ident [$($check:ident)?] [$($async:ident)?] [$($attribute:tt)+]
        $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        #[$($attribute)+]
        $($async)? fn $name() -> capsule_shared::Result<Vec<u8>> {
            #[candid::candid_method($kind)]
            #[expect(dead_code, unused_variables, reason = "it only declares a Candid type")]
            fn $name($($arg: $type),*) -> $result {
                unreachable!("BUG: it only declares a Candid type")
            }
            $($check(ic_cdk::api::msg_caller())?;)?
            let message = $crate::args::message();
            let ($($arg,)*): ($($type,)*) = $crate::args::decode(&message)?;
            $body
        }
    };
    (composite_query: $($function:tt)+) => {
        $crate::method! {
            @composite_query []
            [ic_cdk::query(composite = true, hidden = true)]
            $($function)+
        }
    };
    (
        update for $check:ident with $room:ident:
        fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        #[ic_cdk::update(hidden = true)]
        async fn $name() -> $result {
            #[candid::candid_method(update)]
            fn $name($($arg: $type),*) -> $result $body
            $check(ic_cdk::api::msg_caller())?;
            let message = $crate::args::message();
            if $room().await? {
                $check(ic_cdk::api::msg_caller())?;
            }
            let ($($arg,)*): ($($type,)*) = $crate::args::decode(&message)?;
            $name($($arg),*)
        }
    };
    ($kind:ident $(for $check:ident)?: $($function:tt)+) => {
        $crate::method! {
            @$kind [$($check)?]
            [ic_cdk::$kind(hidden = true)]
            $($function)+
        }
    };
    (
        @$kind:ident [$($check:ident)?] [$($attribute:tt)+]
        fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        #[$($attribute)+]
        fn $name() -> $result {
            #[candid::candid_method($kind)]
            fn $name($($arg: $type),*) -> $result $body
            $($check(ic_cdk::api::msg_caller())?;)?
            let message = $crate::args::message();
            let ($($arg,)*): ($($type,)*) = $crate::args::decode(&message)?;
            $name($($arg),*)
        }
    };
    (
        @$kind:ident [$($check:ident)?] [$($attribute:tt)+]
        async fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        #[$($attribute)+]
        async fn $name() -> $result {
            #[candid::candid_method($kind)]
            async fn $name($($arg: $type),*) -> $result $body
            $($check(ic_cdk::api::msg_caller())?;)?
            let message = $crate::args::message();
            let ($($arg,)*): ($($type,)*) = $crate::args::decode(&message)?;
            $name($($arg),*).await
        }
    };
}
