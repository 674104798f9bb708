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

package io.flinkkubeha.storage;

import org.apache.flink.api.common.JobID;
import org.apache.flink.core.fs.local.LocalFileSystem;
import org.apache.flink.runtime.blob.BlobKey;
import org.apache.flink.runtime.blob.BlobStoreService;
import org.apache.flink.runtime.blob.FileSystemBlobStore;
import org.apache.flink.runtime.blob.TestingBlobKeys;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import javax.annotation.Nullable;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link HaBlobStore}, against Flink's own on the same directory. */
class HaBlobStoreTest {

    private static final byte[] CONTENT = "a jar".getBytes(StandardCharsets.UTF_8);
    private static final JobID JOB_ID = JobID.generate();

    @TempDir Path directory;

    @Test
    void eitherReadsWhatTheOtherWrote() throws Exception {
        for (JobID jobId : new JobID[] {JOB_ID, null}) {
            assertHandedOver(ours("plain"), stock("plain"), jobId);
            assertHandedOver(stock("plain"), ours("plain"), jobId);
        }
    }

    @Test
    void pathThatNeedsEscapingIsThatOfFlink() throws Exception {
        assertHandedOver(ours("with space"), stock("with space"), JOB_ID);
        assertHandedOver(stock("with space"), ours("with space"), JOB_ID);
    }

    @Test
    void corruptedBlobIsNotHandedOut() throws Exception {
        final BlobKey key = TestingBlobKeys.permanent(CONTENT);
        ours("c").put(file("in", new byte[] {1, 2, 3}), JOB_ID, key);
        final File target = directory.resolve("out").toFile();

        assertThatThrownBy(() -> ours("c").get(JOB_ID, key, target))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("data corruption");
        assertThat(target).doesNotExist();
    }

    @Test
    void lastBlobTakesTheDirectoriesWithIt() throws Exception {
        final HaBlobStore store = ours("d");
        final BlobKey key = TestingBlobKeys.permanent(CONTENT);
        store.put(file("in", CONTENT), JOB_ID, key);

        assertThat(store.delete(JOB_ID, key)).isTrue();
        assertThat(store.delete(JOB_ID, key)).isTrue();

        assertThat(directory.resolve("default/d/blob")).doesNotExist();
    }

    @Test
    void blobsOfAJobGoWithoutThoseOfAnother() throws Exception {
        final HaBlobStore store = ours("e");
        final JobID other = JobID.generate();
        final BlobKey key = TestingBlobKeys.permanent(CONTENT);
        store.put(file("in", CONTENT), JOB_ID, key);
        store.put(file("in", CONTENT), other, key);

        assertThat(store.deleteAll(JOB_ID)).isTrue();

        assertThat(directory.resolve("default/e/blob/job_" + JOB_ID)).doesNotExist();
        assertThat(store.get(other, key, directory.resolve("out").toFile())).isTrue();
        store.cleanupAllData();
        assertThat(directory.resolve("default/e/blob")).doesNotExist();
    }

    private void assertHandedOver(
            BlobStoreService writer, BlobStoreService reader, @Nullable JobID jobId)
            throws Exception {
        final BlobKey key = TestingBlobKeys.permanent(CONTENT);
        final File target = directory.resolve("out").toFile();

        assertThat(writer.put(file("in", CONTENT), jobId, key)).isTrue();
        assertThat(reader.get(jobId, key, target)).isTrue();

        assertThat(target).hasBinaryContent(CONTENT);
        assertThat(reader.delete(jobId, key)).isTrue();
        assertThatThrownBy(() -> writer.get(jobId, key, target)).isInstanceOf(IOException.class);
    }

    private HaBlobStore ours(String root) {
        return new HaBlobStore(storages(), root(root));
    }

    private BlobStoreService stock(String root) throws IOException {
        return new FileSystemBlobStore(
                LocalFileSystem.getSharedInstance(), root(root).toUri().toString());
    }

    private org.apache.flink.core.fs.Path root(String root) {
        return new org.apache.flink.core.fs.Path("file://" + directory + "/default/" + root);
    }

    private File file(String name, byte[] content) throws IOException {
        return Files.write(directory.resolve(name), content).toFile();
    }

    HaStorages storages() {
        return TestingStorages.flink(directory);
    }
}
