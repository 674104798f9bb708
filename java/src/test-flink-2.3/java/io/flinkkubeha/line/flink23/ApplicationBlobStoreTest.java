/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.line.flink23;

import org.apache.flink.api.common.ApplicationID;
import org.apache.flink.api.common.JobID;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.local.LocalFileSystem;
import org.apache.flink.runtime.blob.BlobKey;
import org.apache.flink.runtime.blob.BlobStoreService;
import org.apache.flink.runtime.blob.FileSystemBlobStore;
import org.apache.flink.runtime.blob.TestingBlobKeys;

import io.flinkkubeha.storage.TestingStorages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link ApplicationBlobStore}, against Flink's own on the same directory. */
class ApplicationBlobStoreTest {

    private static final byte[] CONTENT = "a jar".getBytes(StandardCharsets.UTF_8);
    private static final BlobKey KEY = TestingBlobKeys.permanent(CONTENT);
    private static final ApplicationID APPLICATION_ID =
            ApplicationID.fromHexString("0123456789abcdef0123456789abcdef");
    /** The same digits, to see that the two do not share a directory. */
    private static final JobID JOB_ID = JobID.fromHexString("0123456789abcdef0123456789abcdef");

    @TempDir java.nio.file.Path directory;

    @Test
    void eitherReadsWhatTheOtherWrote() throws Exception {
        assertHandedOver(ours(), stock());
        assertHandedOver(stock(), ours());
    }

    @Test
    void eitherDeletesWhatTheOtherWrote() throws Exception {
        for (boolean all : new boolean[] {true, false}) {
            assertDeleted(ours(), stock(), all);
            assertDeleted(stock(), ours(), all);
        }
    }

    @Test
    void blobsOfAnApplicationGoWithoutThoseOfAJob() throws Exception {
        final BlobStoreService store = ours();
        store.put(local(CONTENT), APPLICATION_ID, KEY);
        store.put(local(CONTENT), JOB_ID, KEY);

        assertThat(store.deleteAll(APPLICATION_ID)).isTrue();

        assertThatThrownBy(() -> store.get(APPLICATION_ID, KEY, target()))
                .isInstanceOf(IOException.class);
        assertThat(store.get(JOB_ID, KEY, target())).isTrue();
        store.cleanupAllData();
        assertThat(directory.resolve("c/blob")).doesNotExist();
    }

    @Test
    void corruptedBlobIsNotHandedOut() throws Exception {
        ours().put(local(new byte[] {1, 2, 3}), APPLICATION_ID, KEY);

        assertThatThrownBy(() -> ours().get(APPLICATION_ID, KEY, target()))
                .hasMessageContaining("data corruption");
        assertThat(target()).doesNotExist();
    }

    private void assertHandedOver(BlobStoreService writer, BlobStoreService reader)
            throws IOException {
        assertThat(writer.put(local(CONTENT), APPLICATION_ID, KEY)).isTrue();
        assertThat(reader.get(APPLICATION_ID, KEY, target())).isTrue();

        assertThat(target()).hasBinaryContent(CONTENT);
    }

    private void assertDeleted(BlobStoreService writer, BlobStoreService other, boolean all)
            throws IOException {
        writer.put(local(CONTENT), APPLICATION_ID, KEY);

        assertThat(all ? other.deleteAll(APPLICATION_ID) : other.delete(APPLICATION_ID, KEY))
                .isTrue();

        assertThat(directory.resolve("c/blob")).doesNotExist();
    }

    private BlobStoreService ours() {
        return new ApplicationBlobStore(TestingStorages.flink(directory), root());
    }

    private BlobStoreService stock() throws IOException {
        return new FileSystemBlobStore(
                LocalFileSystem.getSharedInstance(), root().toUri().toString());
    }

    private Path root() {
        return new Path("file://" + directory + "/c");
    }

    private File local(byte[] content) throws IOException {
        return Files.write(directory.resolve("in"), content).toFile();
    }

    private File target() {
        return directory.resolve("out").toFile();
    }
}
