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

package io.flinkkubeha.store;

import org.apache.flink.core.fs.Path;
import org.apache.flink.kubernetes.highavailability.KubernetesStateHandleStore;
import org.apache.flink.runtime.state.RetrievableStateHandle;
import org.apache.flink.runtime.state.RetrievableStreamStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;
import org.apache.flink.util.InstantiationUtil;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link ForeignPointer}. */
class ForeignPointerTest {

    private static final String URI = "s3://bucket/ha/my-cluster/completedCheckpoint0123456789ab";

    /** Written by Flink's own store, with the state at {@link #URI} and 1234 bytes long. */
    private static final String GOLDEN =
            "rO0ABXNyAGNvcmcuYXBhY2hlLmZsaW5rLmt1YmVybmV0ZXMuaGlnaGF2YWlsYWJpbGl0eS5LdWJlcm5ldGVzU3RhdGVIYW5kbGVTdG9yZSRTdGF0ZUhhbmRsZVdpdGhEZWxldGVNYXJrZXIbrUSA74YNfAIAAloAEW1hcmtlZEZvckRlbGV0aW9uTAAFaW5uZXJ0ADdMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1JldHJpZXZhYmxlU3RhdGVIYW5kbGU7eHAAc3IAO29yZy5hcGFjaGUuZmxpbmsucnVudGltZS5zdGF0ZS5SZXRyaWV2YWJsZVN0cmVhbVN0YXRlSGFuZGxlAAEeGPFVlysCAAFMABh3cmFwcGVkU3RyZWFtU3RhdGVIYW5kbGV0ADJMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1N0cmVhbVN0YXRlSGFuZGxlO3hwc3IAOW9yZy5hcGFjaGUuZmxpbmsucnVudGltZS5zdGF0ZS5maWxlc3lzdGVtLkZpbGVTdGF0ZUhhbmRsZQTcddhivRuzAgACSgAJc3RhdGVTaXplTAAIZmlsZVBhdGh0AB9Mb3JnL2FwYWNoZS9mbGluay9jb3JlL2ZzL1BhdGg7eHAAAAAAAAAE0nNyAB1vcmcuYXBhY2hlLmZsaW5rLmNvcmUuZnMuUGF0aAAAAAAAAAABAgABTAADdXJpdAAOTGphdmEvbmV0L1VSSTt4cHNyAAxqYXZhLm5ldC5VUkmsAXguQ55JqwMAAUwABnN0cmluZ3QAEkxqYXZhL2xhbmcvU3RyaW5nO3hwdAA5czM6Ly9idWNrZXQvaGEvbXktY2x1c3Rlci9jb21wbGV0ZWRDaGVja3BvaW50MDEyMzQ1Njc4OWFieA==";

    @Test
    void goldenPointerIsRead() throws Exception {
        final ForeignPointer pointer = ForeignPointer.decode(GOLDEN);

        final RetrievableStateHandle<String> handle = pointer.handle();
        assertThat(pointer.isMarked()).isFalse();
        assertThat(handle.getStateSize()).isEqualTo(1234);
        assertThat(InstantiationUtil.serializeObject(handle))
                .isEqualTo(
                        InstantiationUtil.serializeObject(
                                new RetrievableStreamStateHandle<String>(new Path(URI), 1234)));
    }

    @Test
    void doubleInTheseTestsWritesTheGoldenPointer() throws Exception {
        final RetrievableStreamStateHandle<String> handle =
                new RetrievableStreamStateHandle<>(new Path(URI), 1234);

        assertThat(KubernetesStateHandleStore.pointer(handle, false)).isEqualTo(GOLDEN);
        assertThat(
                        ForeignPointer.decode(KubernetesStateHandleStore.pointer(handle, true))
                                .isMarked())
                .isTrue();
    }

    @Test
    void otherStateHandleInFlinksWrapperIsRead() throws Exception {
        final byte[] state = InstantiationUtil.serializeObject("state");
        final String raw =
                KubernetesStateHandleStore.pointer(
                        new RetrievableStreamStateHandle<>(new ByteStreamStateHandle("n", state)),
                        true);

        final ForeignPointer pointer = ForeignPointer.decode(raw);

        assertThat(pointer.isMarked()).isTrue();
        assertThat(pointer.<String>handle().retrieveState()).isEqualTo("state");
    }

    @Test
    void wrapperOfAnOlderFlinkIsRefused() {
        final byte[] bytes = Base64.getDecoder().decode(GOLDEN);
        final int version = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("Marker") + 6;
        bytes[version] ^= 1;

        assertThatThrownBy(() -> ForeignPointer.decode(Base64.getEncoder().encodeToString(bytes)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("before 1.19");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "%", "garbage", "rO0ABXQAAWE=", "rO0ABXA="})
    void anythingElseIsRefused(String raw) {
        assertThatThrownBy(() -> ForeignPointer.decode(raw)).isInstanceOf(IOException.class);
    }
}
