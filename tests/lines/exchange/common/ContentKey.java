package org.apache.flink.runtime.blob;

/** Makes keys as the BLOB server makes them; their constructors are for its package alone. */
public final class ContentKey {

    private ContentKey() {}

    public static BlobKey of(byte[] content) {
        return new PermanentBlobKey(BlobUtils.createMessageDigest().digest(content));
    }
}
